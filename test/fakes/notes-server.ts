/**
 * A small MCP server over stdio, in plain JSON-RPC so that it starts fast: `add` appends its text to a file, `burn` says
 * that it did something that cannot be taken back, `fail` fails. A call whose text begins with `silent` is done and never answered.
 *
 *     notes-server.ts FILE
 */
import { appendFileSync } from "node:fs";
import { argv, stdin, stdout } from "node:process";

const file = argv[2] ?? "notes.txt";
const anything = { type: "object", additionalProperties: true };
const tools = ["add", "burn", "fail"].map((name) => ({ name, description: `${name} a note`, inputSchema: anything }));
let rest = "";

function answer(
  method: string,
  params: { name?: string; arguments?: { text?: unknown }; protocolVersion?: string },
): object | null {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: "2025-06-18",
        capabilities: { tools: {} },
        serverInfo: { name: "notes", version: "1" },
      };
    case "tools/list":
      return { tools };
    case "tools/call":
      if (params.name === "fail") return { isError: true, content: [{ type: "text", text: "it failed" }] };
      appendFileSync(file, `${params.name} ${JSON.stringify(params.arguments ?? {})}\n`);
      if (String(params.arguments?.text).startsWith("silent")) return null;
      return { content: [{ type: "text", text: `${params.name} is done` }] };
    default:
      return {};
  }
}

stdin.setEncoding("utf8").on("data", (chunk: string) => {
  rest += chunk;
  for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
    const message = JSON.parse(rest.slice(0, end)) as { id?: number; method: string; params?: object };
    rest = rest.slice(end + 1);
    if (message.id === undefined) continue;
    const result = answer(message.method, message.params ?? {});
    if (result !== null) stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id: message.id, result })}\n`);
  }
});
