import type { JsonObject } from "../../kernel/json.ts";
import type { ExtensionSays } from "../../protocol/extension.ts";
import { asEntry } from "./entry.ts";
import { asObject } from "./json-parts.ts";
import { asLine, DeclareFault } from "./line.ts";

/** What a package.json says. It has no place for what a package asks for. */
export function readPackage(manifest: JsonObject): ExtensionSays {
  const name = asLine(manifest["name"], 214);
  if (name === null || name !== manifest["name"]) throw new DeclareFault("package.json has no name that can be shown");
  const author = manifest["author"];
  return {
    name,
    version: asLine(manifest["version"], 128),
    publisher: asLine(typeof author === "string" ? author : asObject(author)?.["name"], 256),
    about: asLine(manifest["description"], 512),
    entry: entryOf(name, manifest),
    words: [],
    settings: [],
    asks: { files: [], hosts: [], secrets: [], memory: [], tools: [] },
  };
}

/** Its one command, or the one that is called as the package is; else its main file. */
function entryOf(name: string, { bin, main }: JsonObject): string | null {
  if (typeof bin === "string") return asEntry(bin);
  const commands = asObject(bin);
  if (commands === null) return asEntry(main);
  const [only, ...others] = Object.values(commands);
  return asEntry(others.length === 0 ? only : commands[name.slice(name.indexOf("/") + 1)]);
}
