import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** One turn of a model: a tool that it calls, or its last words. */
export type Turn = { readonly tool: string; readonly input: object } | { readonly say: string };

/** A model that says what a script says, in the wire format of Anthropic's Messages API, on loopback. */
export interface ScriptedModel {
  readonly port: number;
  /** What was asked, as it came: method, path and body. */
  readonly asked: readonly { readonly method: string; readonly path: string; readonly body: string }[];
  /** The key of each request, as it came. */
  readonly keys: readonly string[];
  /** What the tools answered, as the agent handed it back, in order. */
  results(): readonly string[];
  close(): void;
}

/**
 * Starts it; each message request gets the next turn, and the last one again and again.
 * @param port where it listens; any free one when it is 0.
 */
export async function startScriptedModel(turns: readonly Turn[], port: number = 0): Promise<ScriptedModel> {
  const asked: { method: string; path: string; body: string }[] = [];
  const keys: string[] = [];
  let next = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const path = request.url ?? "";
      keys.push(String(request.headers["x-api-key"] ?? ""));
      asked.push({ method: request.method ?? "", path, body });
      if (request.method !== "POST" || !path.startsWith("/v1/messages")) {
        response.statusCode = request.method === "HEAD" ? 200 : 404;
        return void response.end();
      }
      const turn = turns[Math.min(next++, turns.length - 1)] ?? { say: "" };
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const [type, data] of eventsOf(turn, next)) {
        response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
      }
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    keys,
    results: () => asked.flatMap(({ body }) => toolResults(body).slice(-1)),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function eventsOf(turn: Turn, count: number): readonly (readonly [string, object])[] {
  const calls = "tool" in turn;
  const usage = { input_tokens: 10, output_tokens: 1 };
  const message = { id: `msg_${count}`, type: "message", role: "assistant", model: "scripted", content: [], usage };
  const block = calls
    ? { type: "tool_use", id: `toolu_${count}`, name: turn.tool, input: {} }
    : { type: "text", text: "" };
  const delta = calls
    ? { type: "input_json_delta", partial_json: JSON.stringify(turn.input) }
    : { type: "text_delta", text: turn.say };
  return [
    ["message_start", { message: { ...message, stop_reason: null, stop_sequence: null } }],
    ["content_block_start", { index: 0, content_block: block }],
    ["content_block_delta", { index: 0, delta }],
    ["content_block_stop", { index: 0 }],
    ["message_delta", { delta: { stop_reason: calls ? "tool_use" : "end_turn", stop_sequence: null }, usage }],
    ["message_stop", {}],
  ];
}

/** Texts of the tool results in a request's messages. */
function toolResults(body: string): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [];
  }
  const messages = (parsed as { messages?: readonly { content: unknown }[] }).messages ?? [];
  return messages.flatMap(({ content }) =>
    (Array.isArray(content) ? content : []).flatMap((part: { type?: string; content?: unknown }) =>
      part.type === "tool_result"
        ? [typeof part.content === "string" ? part.content : JSON.stringify(part.content)]
        : [],
    ),
  );
}
