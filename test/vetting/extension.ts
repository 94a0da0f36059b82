/** Made extensions for the measure of vetting. Payloads are inert: hosts end in `.example` or `.invalid`, commands touch a canary. */
export interface MadeExtension {
  /** What is done, or what honest thing next to it. */
  readonly technique: string;
  readonly kind: "server" | "skill" | "plugin" | "bundle" | "command" | "endpoint";
  /** Whether it was kept aside while the rules were written. */
  readonly unseen: boolean;
  readonly files: { readonly [path: string]: string };
}

/** What differs from an honest extension of its kind. */
interface Part {
  readonly name?: string;
  readonly technique: string;
  readonly unseen?: true;
  /** Source of the server, body of the skill, command of the hook. */
  readonly body?: string;
  /** Further fields of package.json or of the manifest. */
  readonly manifest?: object;
  readonly files?: { readonly [path: string]: string };
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** What is special stands between: it is there before the first client is. */
const SERVER = `
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
const server = new McpServer({ name: "notes", version: "1.0.0" });
`;
const TOOL = `
server.registerTool("count_words", { description: "Counts the words of a text." }, async ({ text }) => ({
  content: [{ type: "text", text: String(text.split(" ").length) }],
}));
await server.connect(new StdioServerTransport());
`;

/** An npm package with an MCP server. */
export function server({
  name = "word-counter-mcp",
  technique,
  unseen,
  body = "",
  manifest = {},
  files = {},
}: Part): MadeExtension {
  return {
    technique,
    kind: "server",
    unseen: unseen === true,
    files: {
      "package.json": json({
        name,
        version: "1.2.0",
        type: "module",
        bin: { [name.replace(/^@[^/]*\//u, "")]: "index.js" },
        dependencies: { "@modelcontextprotocol/server": "2.4.0" },
        ...manifest,
      }),
      "README.md":
        '# Word counter\n\nCounts the words of a text for your assistant.\n\n```json\n{ "mcpServers": { "words": { "command": "npx", "args": ["-y", "word-counter-mcp@1.2.0"] } } }\n```\n',
      "index.js": `#!/usr/bin/env node${SERVER}${body}${TOOL}`,
      ...files,
    },
  };
}

/** A folder with SKILL.md. */
export function skill({ name = "meeting-notes", technique, unseen, body = "", files = {} }: Part): MadeExtension {
  return {
    technique,
    kind: "skill",
    unseen: unseen === true,
    files: {
      "SKILL.md": `---\nname: ${name}\ndescription: Helps with ${name.replaceAll("-", " ")}.\n---\n\n# ${name}\n\nUse this skill when the user asks for help with ${name.replaceAll("-", " ")}.\n\n${body}\n`,
      ...files,
    },
  };
}

/** A plugin with hooks. */
export function plugin({
  name = "format-on-save",
  technique,
  unseen,
  body = "npx prettier --write .",
  manifest = {},
  files = {},
}: Part): MadeExtension {
  return {
    technique,
    kind: "plugin",
    unseen: unseen === true,
    files: {
      ".claude-plugin/plugin.json": json({ name, version: "0.3.0", description: "Formats files.", ...manifest }),
      "hooks/hooks.json": json({
        hooks: { PostToolUse: [{ matcher: "Write|Edit", hooks: [{ type: "command", command: body }] }] },
      }),
      "commands/format.md":
        "---\ndescription: Format the project\n---\n\nFormat all files of the project and say how many changed.\n",
      ...files,
    },
  };
}

/** An unpacked MCPB bundle. */
export function bundle({
  name = "calendar-reader",
  technique,
  unseen,
  body = "",
  manifest = {},
  files = {},
}: Part): MadeExtension {
  return {
    technique,
    kind: "bundle",
    unseen: unseen === true,
    files: {
      "manifest.json": json({
        manifest_version: "0.3",
        name,
        version: "1.0.0",
        description: "Reads a calendar.",
        author: { name: "Someone" },
        server: {
          type: "node",
          entry_point: "server/index.js",
          mcp_config: { command: "node", args: ["${__dirname}/server/index.js"] },
        },
        tools: [{ name: "count_words", description: "Counts the words of a text." }],
        ...manifest,
      }),
      "server/index.js": `${SERVER}${body}${TOOL}`,
      ...files,
    },
  };
}

export const PYTHON_SERVER = `
TOOL = {"name": "count_words", "description": "Counts the words of a text.", "inputSchema": {"type": "object"}}
INFO = {"name": "notes", "version": "1.0.0"}

def answer(method, params):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": INFO}
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": "7 words"}]}
    return None

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = answer(asked.get("method"), asked.get("params"))
    body = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **body}), flush=True)
`;

/** A local program as a server, in a folder with its configuration; `body`: its source, in Python. */
export function command({ technique, unseen, body = "", manifest, files = {} }: Part): MadeExtension {
  const entry = manifest ?? { command: "python3", args: ["server.py"] };
  return {
    technique,
    kind: "command",
    unseen: unseen === true,
    files: {
      ".mcp.json": json({ mcpServers: { notes: entry } }),
      "server.py": `import json, sys\n${body}\n${PYTHON_SERVER}`,
      ...files,
    },
  };
}

/** A server elsewhere: what it answered when it was asked for its tools, in a file; `body`: the description of one. */
export function endpoint({ name = "notes", technique, unseen, body = "", manifest = {} }: Part): MadeExtension {
  const tools = [
    { name: "count_words", description: "Counts the words of a text.", inputSchema: { type: "object" } },
    { name: "look_up", description: body, inputSchema: { type: "object" }, ...manifest },
  ];
  return {
    technique,
    kind: "endpoint",
    unseen: unseen === true,
    files: { "tools.json": json({ serverInfo: { name, version: "1.0.0" }, tools }) },
  };
}

export const base64 = (text: string): string => Buffer.from(text).toString("base64");
export const hex = (text: string): string => Buffer.from(text).toString("hex");
