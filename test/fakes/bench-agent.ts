/**
 * Calls one tool many times, over the face's socket or straight to a server, and says how long it took.
 *
 *     bench-agent.ts ONE-BY-ONE AT-ONCE TOOL [SERVER ARGUMENT…]
 *
 * Prints { "p50": ms, "p99": ms, "perSecond": n, "failed": n, "alone": [from, to], "together": [from, to] }, the last two
 * being when the calls one by one and those at once were made, milliseconds since 1970 UTC.
 */
import { spawn } from "node:child_process";
import { createConnection } from "node:net";
import { argv, execPath } from "node:process";
import type { Readable, Writable } from "node:stream";

const [, , ones = "500", manies = "4000", tool = "", ...server] = argv;
const WINDOW = 64;
const waiting = new Map<number, (message: { result?: { isError?: boolean } }) => void>();
let nextId = 1;
let failed = 0;

function open(): { input: Writable; output: Readable; end: () => void } {
  if (server.length === 0) {
    const socket = createConnection("/run/aios/mcp-stdio.sock");
    return { input: socket, output: socket, end: () => socket.end() };
  }
  const child = spawn(execPath, server, { stdio: ["pipe", "pipe", "ignore"] });
  return { input: child.stdin, output: child.stdout, end: () => child.kill() };
}

const { input, output, end } = open();
let rest = "";
output.setEncoding("utf8");
output.on("data", (chunk: string) => {
  rest += chunk;
  for (let at = rest.indexOf("\n"); at >= 0; at = rest.indexOf("\n")) {
    const message = JSON.parse(rest.slice(0, at)) as { id?: number; result?: { isError?: boolean } };
    rest = rest.slice(at + 1);
    if (message.id !== undefined) waiting.get(message.id)?.(message);
  }
});

function ask(method: string, params: object): Promise<{ result?: { isError?: boolean } }> {
  const id = nextId++;
  input.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  return new Promise((resolve) => {
    waiting.set(id, (message) => {
      waiting.delete(id);
      resolve(message);
    });
  });
}
async function call(n: number): Promise<void> {
  const { result } = await ask("tools/call", { name: tool, arguments: { text: `call ${n}` } });
  if (result === undefined || result.isError === true) failed += 1;
}

await ask("initialize", {
  protocolVersion: "2025-06-18",
  capabilities: {},
  clientInfo: { name: "bench", version: "1" },
});
input.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
for (let n = 0; n < 200; n++) await call(n);

const times: number[] = [];
const began = Date.now();
for (let n = 0; n < Number(ones); n++) {
  const start = performance.now();
  await call(n);
  times.push(performance.now() - start);
}
const between = Date.now();
times.sort((a, b) => a - b);

const total = Number(manies);
const start = performance.now();
let sent = 0;
await Promise.all(
  Array.from({ length: WINDOW }, async () => {
    while (sent < total) await call(sent++);
  }),
);
const perSecond = total / ((performance.now() - start) / 1000);
console.log(
  JSON.stringify({
    p50: times[Math.floor(times.length / 2)],
    p99: times[Math.floor(times.length * 0.99)],
    perSecond,
    failed,
    alone: [began, between],
    together: [between, Date.now()],
  }),
);
end();
