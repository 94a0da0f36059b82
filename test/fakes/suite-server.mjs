/**
 * An MCP server that offers the tools of an AgentDojo suite and writes down every call before it answers. Plain
 * JavaScript, like most servers: it is started once for each of hundreds of agents.
 *
 *     suite-server.mjs SUITE.json CALLS.jsonl
 */
import { appendFileSync, readFileSync } from "node:fs";
import { argv } from "node:process";
import { Server } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

const [, , suitePath = "", callsPath = ""] = argv;
/** The benchmark's own export: `{ suite, tools: [{ name, description, schema }] }`. */
const suite = JSON.parse(readFileSync(suitePath, "utf8"));
const server = new Server({ name: suite.suite, version: "1.0.0" }, { capabilities: { tools: {} } });

server.setRequestHandler("tools/list", () => ({
  tools: suite.tools.map(({ name, description, schema }) => ({ name, description, inputSchema: schema })),
}));
server.setRequestHandler("tools/call", ({ params }) => {
  appendFileSync(callsPath, `${JSON.stringify({ function: params.name, args: params.arguments ?? {} })}\n`);
  return { content: [{ type: "text", text: `${params.name} is done` }] };
});
await server.connect(new StdioServerTransport());
