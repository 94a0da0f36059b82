/**
 * An agent without a model: speaks MCP over the face's stdio socket, follows a plan from a file, prints what it gets.
 * Raw JSON-RPC rather than an SDK, so that it starts fast and can say what no client library would.
 *
 *     plan-agent.ts PLAN      PLAN: [{ "method": "tools/call", "params": {…} }, …]
 *
 * Prints one line of JSON for each step: { "step": n, "result" | "error": …, "asked": ms }. A step { "raw": "text" } is written as it is.
 * A step { "append": "text", "to": path } writes to a file. A step { "post": "/v1/messages", "body": {…} } asks a model. A step { "wait": ms } waits. A step { "until": n } waits until n blank lines were written below the plan. A step { "together": [steps] } sends them all before it reads an answer.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { argv, env } from "node:process";

type Call = { method: string; params?: unknown };
type Post = { post: string; body: unknown };
type Step =
  | Call
  | Post
  | { append: string; to: string }
  | { raw: string }
  | { wait: number }
  | { until: number }
  | { together: Call[] };

const path = argv[2] ?? "plan.json";
const plan = JSON.parse(readFileSync(path, "utf8")) as Step[]; // written by the test itself
const socket = createConnection("/run/aios/mcp-stdio.sock");
const waiting = new Map<number, (message: { result?: unknown; error?: unknown }) => void>();
let nextId = 1;
let rest = "";

socket.setEncoding("utf8");
socket.on("data", (chunk: string) => {
  rest += chunk;
  for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
    const message = JSON.parse(rest.slice(0, end)) as { id?: number; result?: unknown; error?: unknown };
    rest = rest.slice(end + 1);
    if (message.id !== undefined) waiting.get(message.id)?.(message);
  }
});

function call({ method, params = {} }: Call): Promise<{ result?: unknown; error?: unknown }> {
  const id = nextId++;
  socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    socket.once("close", () => resolve({ error: "closed" }));
  });
}

async function ask({ post, body }: Post): Promise<{ result: unknown }> {
  const headers = { "content-type": "application/json", "anthropic-version": "2023-06-01" };
  const sent = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(new URL(post, env["AIOS_INFERENCE_URL"]), sent);
  return { result: { status: answer.status, text: await answer.text() } };
}

async function until(lines: number): Promise<void> {
  while (!readFileSync(path, "utf8").endsWith("\n".repeat(lines)))
    await new Promise((resolve) => setTimeout(resolve, 20));
}

function print(step: number, answer: { result?: unknown; error?: unknown }, asked?: number): void {
  process.stdout.write(`${JSON.stringify({ step, result: answer.result, error: answer.error, asked })}\n`);
}

socket.setMaxListeners(0);
await call({
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "plan-agent", version: "1" } },
});
socket.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
for (const [at, step] of plan.entries()) {
  if ("raw" in step) socket.write(step.raw);
  else if ("append" in step) appendFileSync(step.to, step.append);
  else if ("wait" in step) await new Promise((resolve) => setTimeout(resolve, step.wait));
  else if ("until" in step) await until(step.until);
  else if ("post" in step) print(at, await ask(step));
  else if ("together" in step) (await Promise.all(step.together.map(call))).forEach((answer) => print(at, answer));
  else {
    const asked = Date.now();
    print(at, await call(step), asked);
  }
}
socket.end();
