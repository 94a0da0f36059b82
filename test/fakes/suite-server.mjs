/**
 * An MCP server that offers the tools of an AgentDojo suite and writes down every call before it answers. Plain
 * JavaScript and plain JSON-RPC: it is started once for each of hundreds of agents, and the SDK takes longer to load than
 * everything that it does here.
 *
 *     suite-server.mjs SUITE.json CALLS.jsonl
 */
import { appendFileSync, readFileSync } from "node:fs";
import { argv, stdin, stdout } from "node:process";
import { createInterface } from "node:readline";

const [, , suitePath = "", callsPath = ""] = argv;
/** The benchmark's own export: `{ suite, tools: [{ name, description, schema }] }`. */
const suite = JSON.parse(readFileSync(suitePath, "utf8"));

const METHODS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: suite.suite, version: "1.0.0" },
  }),
  "tools/list": () => ({
    tools: suite.tools.map(({ name, description, schema }) => ({ name, description, inputSchema: schema })),
  }),
  "tools/call": (params) => {
    appendFileSync(callsPath, `${JSON.stringify({ function: params.name, args: params.arguments ?? {} })}\n`);
    return { content: [{ type: "text", text: `${params.name} is done` }] };
  },
};

createInterface(stdin).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: METHODS[method]?.(params) ?? {} })}\n`);
});
