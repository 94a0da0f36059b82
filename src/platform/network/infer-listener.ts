import { hash } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Endpoint, Format } from "../../kernel/infer.ts";
import type { GrantedModel } from "../../protocol/requests.ts";
import { writeHead } from "./broker-wire.ts";
import { createServer } from "./node-http.ts";
import { sendAnswer, type ProxyProblem } from "./proxy-answer.ts";

const HEAD_BYTES = 32 * 1024;
const HEAD_MS = 10_000;
const IDLE_MS = 60_000;
const BODY_BYTES = 32 * 1024 * 1024;

/** A proposal under way; the shape of `Asked` in face/egress.ts. */
interface Asked {
  readonly verdict: Promise<
    | { readonly kind: "granted"; readonly ticket: string; readonly via: number }
    | { readonly kind: "stopped"; readonly problem: ProxyProblem }
  >;
  readonly ended: Promise<void>;
  withdraw(): void;
}

/** What the endpoint asks; the shape of `Inference` in face/inference.ts. */
export interface InferPort {
  route(
    method: string,
    target: string,
  ): Promise<
    | { readonly kind: "probe" | "models" }
    | { readonly kind: "ask"; readonly endpoint: Endpoint; readonly format: Format }
    | { readonly kind: "unknown"; readonly format: Format }
  >;
  models(): Promise<readonly GrantedModel[]>;
  ask(
    endpoint: Endpoint,
    request: {
      readonly text: string;
      readonly bytes: number;
      readonly digest: string;
      readonly headers: readonly (readonly [string, string])[];
    },
  ): Promise<Asked | { readonly refused: string }>;
}

/**
 * The endpoint of an instance's models, in the providers' own formats. It reads whole requests and asks for each; bytes go
 * out under a ticket or nowhere. It is a server for connections that somebody else accepts: emit them to it.
 */
export function createInferServer(port: InferPort, openStream: (via: number) => Duplex): Server {
  const server = createServer(
    {
      maxHeaderSize: HEAD_BYTES,
      headersTimeout: HEAD_MS,
      connectionsCheckingInterval: HEAD_MS / 4,
      requestTimeout: 0,
      keepAliveTimeout: IDLE_MS,
    },
    (request, response) => {
      answer(request, response).catch(() => response.destroy());
    },
  );
  // Node looks for connections that are slow to say what they want only once its server listens, which this one never does.
  server.emit("listening");
  return server;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = await port.route(request.method ?? "", request.url ?? "");
    switch (route.kind) {
      case "probe":
        return void response.writeHead(200).end();
      case "models":
        return sendText(response, 200, listModels(await port.models(), request));
      case "unknown":
        return refuse(response, route.format, {
          status: 404,
          message: "There is no such address here",
          code: "malformed",
        });
      case "ask":
        return ask(request, response, route);
      default:
        return route satisfies never;
    }
  }

  async function ask(
    request: IncomingMessage,
    response: ServerResponse,
    { endpoint, format }: { readonly endpoint: Endpoint; readonly format: Format },
  ): Promise<void> {
    const bytes = await readBody(request);
    const text = bytes === null ? null : textOf(bytes);
    if (bytes === null || text === null) {
      const message = `The body is over ${BODY_BYTES} bytes or not UTF-8`;
      return refuse(response, format, { status: 413, message, code: "too-large" });
    }
    const headers = pairsOf(request);
    const digest = `sha256:${hash("sha256", bytes, "hex")}`;
    const asked = await port.ask(endpoint, { text, bytes: bytes.length, digest, headers });
    if ("refused" in asked) {
      return refuse(response, format, { status: 400, message: asked.refused, code: "malformed" });
    }
    response.once("close", asked.withdraw);
    const verdict = await asked.verdict;
    const stopped = (status: number, { message, code }: ProxyProblem): void =>
      refuse(response, format, code === "context-full" ? tooLong(format, message) : { status, message, code });
    if (verdict.kind === "stopped") return stopped(403, verdict.problem);
    const stream = openStream(verdict.via);
    stream.on("error", () => stream.destroy());
    writeHead(stream, { ticket: verdict.ticket });
    stream.end(bytes);
    // What it has cost is known when it is recorded: only then may the client, which waits for this, ask again.
    await sendAnswer(response, stream, {
      refuse: (_, status, problem) => stopped(status, problem),
      until: asked.ended,
    });
  }
}

/** What says to clients of a format that the conversation is too long: by exactly this they know to shorten it. */
function tooLong(
  format: Format,
  why: string,
): { readonly status: number; readonly message: string; readonly code: string } {
  if (format === "openai") return { status: 400, message: `${why} (context-full)`, code: "context_length_exceeded" };
  return { status: 400, message: `prompt is too long: ${why}`, code: "context-full" };
}

/** An error as clients of the format expect it. */
function refuse(
  response: ServerResponse,
  format: Format,
  problem: { readonly status: number; readonly message: string; readonly code: string },
): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const { status, code } = problem;
  const message = `${problem.message} (${code})`;
  const type = status === 403 ? "permission_error" : status < 500 ? "invalid_request_error" : "api_error";
  const body =
    format === "anthropic" ? { type: "error", error: { type, message } } : { error: { message, type, code } };
  response.shouldKeepAlive = false;
  // A decision does not change by being asked for again.
  if (status < 500) response.setHeader("x-should-retry", "false");
  sendText(response, status, body);
}

function sendText(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** The list of models, as the client's format has it. */
function listModels(models: readonly GrantedModel[], { headers }: IncomingMessage): object {
  const format: Format = headers["anthropic-version"] === undefined ? "openai" : "anthropic";
  const own = models.filter((model) => model.format === format);
  const created_at = "1970-01-01T00:00:00Z";
  if (format === "openai") {
    const data = own.map(({ model, provider }) => ({ id: model, object: "model", created: 0, owned_by: provider }));
    return { object: "list", data };
  }
  const data = own.map(({ model }) => ({ type: "model", id: model, display_name: model, created_at }));
  return { data, has_more: false, first_id: own[0]?.model ?? null, last_id: own.at(-1)?.model ?? null };
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let held = 0;
  for await (const part of request) {
    if (!(part instanceof Buffer)) return null;
    held += part.length;
    if (held > BODY_BYTES) return null;
    parts.push(part);
  }
  return Buffer.concat(parts, held);
}

function textOf(bytes: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function pairsOf({ rawHeaders }: IncomingMessage): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    pairs.push([(rawHeaders[at] ?? "").toLowerCase(), rawHeaders[at + 1] ?? ""]);
  return pairs;
}
