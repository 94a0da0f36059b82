import type { JsonObject } from "../../kernel/json.ts";
import type { ExtensionSays } from "../../protocol/extension.ts";
import { asEntry } from "./entry.ts";
import { asItems, asObject } from "./json-parts.ts";
import { readSettings, readWords } from "./bundle-settings.ts";
import { asLine, asLines, DeclareFault } from "./line.ts";

/**
 * What the manifest.json of an MCP bundle says (MCPB manifest 0.2 and 0.3): its tools, its arguments, and what its person is
 * asked for, of that sensitive values as secrets and folders and files as files too. Of a tool it says no risk.
 */
export function readBundle(manifest: JsonObject): ExtensionSays {
  const name = asLine(manifest["name"], 214);
  if (name === null || name !== manifest["name"]) throw new DeclareFault("manifest.json has no name that can be shown");
  const wanted = Object.entries(asObject(manifest["user_config"]) ?? {}).map(
    ([key, value]) => [key, asObject(value)] as const,
  );
  const server = asObject(manifest["server"]);
  const entry = server?.["type"] === "node" ? asEntry(server["entry_point"]) : null;
  const tools = asItems(manifest["tools"]).map((tool) => asObject(tool)?.["name"]);
  return {
    name,
    version: asLine(manifest["version"], 128),
    publisher: asLine(asObject(manifest["author"])?.["name"], 256),
    about: asLine(manifest["description"], 512),
    entry,
    words: readWords(asObject(server?.["mcp_config"])?.["args"], entry),
    settings: readSettings(wanted),
    asks: {
      files: asLines(
        wanted
          .filter(([, value]) => value?.["type"] === "directory" || value?.["type"] === "file")
          .map(([key]) => `\${user_config.${key}}`),
        "files",
      ),
      hosts: [],
      secrets: asLines(
        wanted.filter(([, value]) => value?.["sensitive"] === true).map(([key]) => key),
        "secrets",
      ),
      memory: [],
      tools: asLines(tools, "tools").map((tool) => ({ name: tool, risk: "reserved" as const })),
    },
  };
}
