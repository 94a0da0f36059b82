/**
 * An MCP server that offers the tools of an AgentDojo suite and writes down every call before it answers.
 *
 *     suite-server.ts SUITE.json CALLS.jsonl
 */
import { appendFileSync, readFileSync } from "node:fs";
import { argv } from "node:process";
import { Server } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

interface Suite {
  readonly suite: string;
  readonly tools: readonly { name: string; description: string; schema: { type: "object"; [key: string]: unknown } }[];
}

const [, , suitePath = "", callsPath = ""] = argv;
const suite = JSON.parse(readFileSync(suitePath, "utf8")) as Suite; // the benchmark's own export
const server = new Server({ name: suite.suite, version: "1.0.0" }, { capabilities: { tools: {} } });

server.setRequestHandler("tools/list", () => ({
  tools: suite.tools.map(({ name, description, schema }) => ({ name, description, inputSchema: schema })),
}));
server.setRequestHandler("tools/call", ({ params }) => {
  appendFileSync(callsPath, `${JSON.stringify({ function: params.name, args: params.arguments ?? {} })}\n`);
  return { content: [{ type: "text", text: `${params.name} is done` }] };
});
await server.connect(new StdioServerTransport());
