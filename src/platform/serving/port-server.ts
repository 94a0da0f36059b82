import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { breakAnswer, readRest, sendHead } from "../network/answer-out.ts";
import { isReadable, readBody } from "../network/http-exchange.ts";
import { createServer, request as ask } from "../network/node-http.ts";
import { NoVisit, type Visits } from "./visits.ts";

type Headers = readonly (readonly [name: string, value: string])[];

/** The head of a request; the shape of `Visit` in face/port-gate.ts. */
export interface GateVisit {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly upgrade: boolean;
}

/** What was decided about a visit. `uses`: what is to be cut when its session ends. */
export type GateVerdict =
  | { readonly kind: "pass"; readonly headers: Headers; readonly uses: Set<() => void> }
  | { readonly kind: "own"; answer(body: string): Promise<GateAnswer> }
  | { readonly kind: "refused"; readonly status: number; readonly why: string };

/** An answer of the gate's own. */
export interface GateAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** One port as the server carries it: what is decided is decided elsewhere. */
export interface GateRules {
  readonly inside: number;
  judge(visit: GateVisit): GateVerdict;
  /** Headers of an answer from inside as the visitor gets them, or null when it is not handed on. */
  answerHeaders(headers: Headers): Headers | null;
  /** What is answered to a request that is refused. */
  refusal(why: string, status: number): GateAnswer;
  /** A connection came, or a request was taken in, or turned away. */
  connected(): void;
  asked(): void;
  refused(why: string, peer: string): void;
}

const ENTRY_BYTES = 4096;
const HEAD_MS = 10_000;

/**
 * An HTTP server for one published port, fed with connections (`serveListener`). Every request is judged by its head; one
 * that passes is carried to the port inside on a connection of its own, a WebSocket for as long as it lasts.
 */
export function createGateServer(rules: GateRules, visits: Visits): Server {
  const server = createServer(
    {
      maxHeaderSize: 32 * 1024,
      headersTimeout: HEAD_MS,
      requestTimeout: 0,
      keepAliveTimeout: 5000,
      insecureHTTPParser: false,
    },
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  server.on("connection", () => rules.connected());
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    void serveUpgrade(request, { socket, head }).catch(() => socket.destroy());
  });
  // Node answers what it cannot parse by itself; here it is counted too.
  server.on("clientError", (_error, socket) => {
    rules.refused("malformed", "");
    socket.destroy();
  });
  // Node looks for slow heads only once its server listens, which this one never does.
  server.emit("listening");

  function turnAway(request: IncomingMessage, why: string): void {
    const { remoteAddress = "", remotePort = 0 } = request.socket;
    rules.refused(why, `${remoteAddress}:${remotePort}`);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    rules.asked();
    const verdict = rules.judge(visitOf(request, false));
    const refuse = (why: string, status: number): void => {
      turnAway(request, why);
      sendAnswer(response, rules.refusal(why, status));
    };
    if (verdict.kind === "refused") return refuse(verdict.why, verdict.status);
    if (verdict.kind === "own") {
      const body = request.method === "POST" ? await readBody(request, ENTRY_BYTES) : "";
      if (body === null) return refuse("malformed", 413);
      return sendAnswer(response, await verdict.answer(body));
    }
    const inner = await open(rules.inside, refuse);
    if (inner === null) return;
    cutWith(verdict.uses, inner, request.socket);
    // Of what a request of some methods has behind its head Node says nothing by itself: it would be another request inside.
    const framing: Headers = "transfer-encoding" in request.headers ? [["transfer-encoding", "chunked"]] : [];
    const asked = askInside(request, { headers: [...verdict.headers, ...framing], inner });
    response.once("close", () => inner.destroy());
    asked.on("error", (error) => {
      // Behind a whole answer it is about the rest of a body that nobody wants any more.
      if (response.writableEnded) return;
      if (response.headersSent) breakAnswer(response);
      else {
        readRest(response);
        refuse(faultOf(error), 502);
      }
    });
    const refuseAnswer = (): void => {
      inner.destroy();
      refuse("unreadable", 502);
    };
    // To a visitor who asked for no other protocol the answer is none.
    asked.on("upgrade", () => {
      readRest(response);
      refuseAnswer();
    });
    asked.on("response", (answer) => {
      readRest(response);
      if (!isReadable(answer)) return refuseAnswer();
      const headers = rules.answerHeaders(pairsOf(answer.rawHeaders));
      if (headers === null) {
        inner.destroy();
        return refuse("foreign-redirect", 502);
      }
      sendHead(response, answer.statusCode ?? 502, { headers: headers.flat() });
      answer.on("error", () => breakAnswer(response));
      answer.pipe(response);
    });
    request.pipe(asked);
  }

  async function serveUpgrade(
    request: IncomingMessage,
    { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
  ): Promise<void> {
    rules.asked();
    const verdict = rules.judge(visitOf(request, true));
    const refuse = (why: string, status: number): void => {
      turnAway(request, why);
      socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    };
    if (verdict.kind === "refused") return refuse(verdict.why, verdict.status);
    if (verdict.kind === "own") return refuse("unpaired", 401);
    const inner = await open(rules.inside, refuse);
    if (inner === null) return;
    cutWith(verdict.uses, inner, socket);
    const headers: Headers = [...verdict.headers, ["connection", "Upgrade"], ["upgrade", "websocket"]];
    const asked = askInside(request, { headers, inner });
    asked.on("error", (error) => refuse(faultOf(error), 502));
    asked.on("response", (answer) => {
      inner.destroy();
      if (isReadable(answer)) refuse("unreachable", answer.statusCode ?? 502);
      else refuse("unreadable", 502);
    });
    asked.on("upgrade", (answer, stream, first) => {
      const kept = (rules.answerHeaders(pairsOf(answer.rawHeaders)) ?? []).filter(([name]) =>
        name.startsWith("sec-websocket-"),
      );
      const lines = [["connection", "Upgrade"], ["upgrade", "websocket"], ...kept].map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`, "latin1");
      socket.write(first);
      stream.write(head);
      stream.on("error", () => socket.destroy());
      stream.once("close", () => socket.destroy());
      socket.once("close", () => stream.destroy());
      stream.pipe(socket).pipe(stream);
    });
    asked.end();
  }

  async function open(port: number, refuse: (why: string, status: number) => void): Promise<Socket | null> {
    try {
      return await visits.open(port);
    } catch (error) {
      const busy = error instanceof NoVisit && error.code === "busy";
      refuse(busy ? "busy" : "unreachable", busy ? 503 : 502);
      return null;
    }
  }

  return server;
}

/** Whether nobody answers inside, or somebody with what Node's parser of HTTP does not take. */
function faultOf(error: Error): "unreachable" | "unreadable" {
  return "code" in error && String(error.code).startsWith("HPE_") ? "unreadable" : "unreachable";
}

/** When its session ends, both sides of a visit are cut. */
function cutWith(uses: Set<() => void>, inner: Socket, outer: Duplex): void {
  const cut = (): void => {
    inner.destroy();
    outer.destroy();
  };
  uses.add(cut);
  inner.on("error", () => inner.destroy());
  inner.once("close", () => uses.delete(cut));
}

function askInside(
  request: IncomingMessage,
  { headers, inner }: { readonly headers: Headers; readonly inner: Socket },
): ReturnType<typeof ask> {
  return ask({
    // Without an agent, which would make connections of its own: this request is the only one on its socket.
    createConnection: () => inner,
    setHost: false,
    method: request.method,
    path: request.url,
    headers: headers.flat(),
  });
}

/** The head of a request. */
export function visitOf(request: IncomingMessage, upgrade: boolean): GateVisit {
  return { method: request.method ?? "", target: request.url ?? "", headers: pairsOf(request.rawHeaders), upgrade };
}

function pairsOf(raw: readonly string[]): Headers {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ""] as const] : []));
}

/** Answers with a text; nothing keeps it. */
export function sendAnswer(response: ServerResponse, { status, headers, body }: GateAnswer): void {
  response.writeHead(status, [
    ...headers.flat(),
    "content-length",
    String(Buffer.byteLength(body)),
    "cache-control",
    "no-store",
  ]);
  response.end(body);
}
