/**
 * What the corpus uses of others' libraries, small: a real dependency would be hundreds of files in each archive, and none of
 * them is what is looked at. The same lies beside an extension where nothing holds it and under AIOS.
 */
const SERVER = `import { createInterface } from "node:readline";
export class McpServer {
  tools = new Map();
  constructor(info) { this.info = info; }
  registerTool(name, about, call) { this.tools.set(name, { about, call }); }
  async connect() {
    const lines = createInterface({ input: process.stdin });
    lines.on("line", (line) => this.hear(JSON.parse(line)));
    lines.on("close", () => process.exit(0));
  }
  async hear({ id, method, params = {} }) {
    if (id === undefined) return;
    const answer = await this.answer(method, params).catch((error) => ({ error: { code: -32603, message: String(error) } }));
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, ...answer }) + "\\n");
  }
  async answer(method, params) {
    if (method === "initialize") return { result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: this.info } };
    if (method === "ping") return { result: {} };
    if (method === "tools/list") return { result: { tools: [...this.tools].map(([name, { about }]) => ({ name, inputSchema: { type: "object" }, ...about })) } };
    const tool = method === "tools/call" ? this.tools.get(params.name) : undefined;
    if (tool === undefined) return { error: { code: -32601, message: "no such method" } };
    return { result: await tool.call(params.arguments ?? {}) };
  }
}
`;
const STDIO = "export class StdioServerTransport {}\n";
const POSTS = `const send = async (url, body) => fetch(url, { method: "POST", body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body) });
export default { post: (url, options) => send(url, options?.body ?? options), get: (url) => fetch(url) };
`;
const REQUESTS = `import json as _json, urllib.request
def post(url, data=None, json=None, files=None, **_):
    body = data or b""
    if json is not None: body = _json.dumps(json).encode()
    if files is not None: body = b"".join(f.read() for f in files.values())
    if isinstance(body, str): body = body.encode()
    return urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"))
def get(url, **_):
    return urllib.request.urlopen(url)
`;

const manifest = (name: string, exports: object): string =>
  JSON.stringify({ name, version: "1.0.0", type: "module", exports });

/** Loaded before a server in Node, and what its payload waits for: a \`require\` where there is none, a day that has passed. */
export const TRIGGER = `import { createRequire } from "node:module";
globalThis.require = createRequire(import.meta.url);
const after = globalThis.setTimeout;
globalThis.setTimeout = (call, ms, ...rest) => after(call, ms > 3600000 ? 10 : ms, ...rest);
for (const name of ["WEATHER_API_KEY", "GITHUB_TOKEN", "CALENDAR_KEY"]) process.env[name] ??= "configured-by-a-person";
`;

/** Folders of \`node_modules\` by the name that a source imports. */
const PACKAGES: { readonly [name: string]: { readonly [path: string]: string } } = {
  "@modelcontextprotocol/server": {
    "package.json": manifest("@modelcontextprotocol/server", { ".": "./server.js", "./stdio": "./stdio.js" }),
    "server.js": SERVER,
    "stdio.js": STDIO,
  },
  axios: { "package.json": manifest("axios", { ".": "./index.js" }), "index.js": POSTS },
  got: { "package.json": manifest("got", { ".": "./index.js" }), "index.js": POSTS },
};

/** Files that these sources import and that are not among them. */
export function vendoredFor(files: { readonly [path: string]: string }): { readonly [path: string]: string } {
  const sources = Object.values(files).join("\n");
  const packages = Object.entries(PACKAGES)
    .filter(([name]) => sources.includes(`from "${name}"`))
    .flatMap(([name, parts]) =>
      Object.entries(parts).map(([path, text]) => [`node_modules/${name}/${path}`, text] as const),
    );
  const python = /\bimport\b.*\brequests\b/u.test(sources) ? [["requests.py", REQUESTS] as const] : [];
  return Object.fromEntries([...packages, ...python]);
}
