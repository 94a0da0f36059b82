import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A model in the wire formats of OpenAI's Chat Completions and Responses, on loopback, as local servers speak them. */
export interface ScriptedOpenAi {
  readonly port: number;
  readonly asked: readonly {
    readonly path: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }[];
  /** What the next requests get instead: a status and a body, or a stream that breaks off. */
  fail(how: { readonly status: number; readonly body: object } | "cut"): void;
  close(): void;
}

const USAGE = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 };

/** Starts it; it says `text` to everybody. */
export async function startScriptedOpenAi(text: string): Promise<ScriptedOpenAi> {
  const asked: { path: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  const failures: Parameters<ScriptedOpenAi["fail"]>[0][] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      asked.push({ path: request.url ?? "", headers: request.headers, body });
      const failure = failures.shift();
      if (failure !== undefined && failure !== "cut") {
        response.writeHead(failure.status, { "content-type": "application/json", "retry-after": "1" });
        return void response.end(JSON.stringify(failure.body));
      }
      const stream = (JSON.parse(body) as { stream?: boolean }).stream === true;
      const chat = request.url === "/v1/chat/completions";
      if (!stream) return void response.end(JSON.stringify(chat ? chatAnswer(text) : responsesAnswer(text)));
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (failure === "cut") return cutOff(response);
      for (const event of chat ? chatEvents(text) : responsesEvents(text)) response.write(event);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    fail: (how) => void failures.push(how),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function cutOff(response: ServerResponse): void {
  response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "cut" } }] })}\n\n`);
  setTimeout(() => response.destroy(), 50);
}

function chatAnswer(text: string): object {
  const choices = [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }];
  return { id: "chatcmpl-1", object: "chat.completion", created: 1, model: "scripted", choices, usage: USAGE };
}

function chatEvents(text: string): readonly string[] {
  const common = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "scripted" };
  const chunks = [
    { ...common, choices: [{ index: 0, delta: { role: "assistant", content: text }, finish_reason: null }] },
    { ...common, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    { ...common, choices: [], usage: USAGE },
  ];
  return [...chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`), "data: [DONE]\n\n"];
}

function responsesAnswer(text: string): object {
  const output = [{ type: "message", role: "assistant", content: [{ type: "output_text", text, annotations: [] }] }];
  const usage = { input_tokens: 7, output_tokens: 5, total_tokens: 12 };
  return { id: "resp_1", object: "response", created_at: 1, status: "completed", model: "scripted", output, usage };
}

function responsesEvents(text: string): readonly string[] {
  const events = [
    { type: "response.created", response: { id: "resp_1", status: "in_progress", usage: null } },
    { type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta: text },
    { type: "response.completed", response: responsesAnswer(text) },
  ];
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}
