import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { readBody } from "../network/http-exchange.ts";
import { sendAnswer, visitOf, type GateAnswer, type GateVisit } from "./port-server.ts";

/** What was decided about a visit; what is refused has its answer in `answer`. */
export type ConsoleVerdict =
  | { readonly kind: "answer"; readonly answer: GateAnswer }
  | { readonly kind: "body"; take(body: string): Promise<GateAnswer> }
  /** Lines for as long as both sides wish. */
  | { readonly kind: "stream"; readonly head: GateAnswer; start(out: LineStream): void };

/** A stream of lines to one visitor. */
export interface LineStream {
  /** Says a line; one who does not read is cut off rather than waited for. */
  say(line: string): void;
  /** Ends it from this side. Ending twice is no fault. */
  end(): void;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
}

/** A connection of a visitor. */
export interface ConsoleConnection {
  /** `ADDRESS:PORT`. */
  readonly peer: string;
  /** Ends it from this side. Ending twice is no fault. */
  close(): void;
}

export interface ConsoleRules {
  judge(visit: GateVisit, connection: ConsoleConnection): ConsoleVerdict;
  /** It is there; whether it has a place is decided elsewhere. */
  came(connection: ConsoleConnection): void;
  /** It has ended. */
  went(connection: ConsoleConnection): void;
  /** Node could not read what came. */
  malformed(): void;
  /** The answer to a body that is over its bound or no text. */
  readonly tooLarge: GateAnswer;
}

const BODY_BYTES = 256 * 1024;
const HEAD_MS = 10_000;
const FORGOTTEN =
  "Another program had this browser keep too many cookies for this name. They are forgotten: load the page again.\n";
/**
 * To a head that is too long: of what a browser sends, only cookies make it so, which another port of the host has set to keep a
 * person out. It forgets them, its session's too.
 */
const TOO_MUCH = [
  "HTTP/1.1 431 Request Header Fields Too Large",
  'clear-site-data: "cookies"',
  "content-type: text/plain; charset=utf-8",
  `content-length: ${FORGOTTEN.length}`,
  "cache-control: no-store",
  "connection: close",
  "",
  FORGOTTEN,
].join("\r\n");
/** What may wait for a visitor that does not read. */
const QUEUED_BYTES = 4 * 1024 * 1024;

/** An HTTP server that is fed with connections (`serveListener`). Every request is judged by its head before its body is read. */
export function createConsoleServer(rules: ConsoleRules): Server {
  const server = createServer(
    { maxHeaderSize: 16 * 1024, headersTimeout: HEAD_MS, requestTimeout: 30_000, keepAliveTimeout: 30_000 },
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  const connections = new WeakMap<Socket, ConsoleConnection>();
  server.on("connection", (socket: Socket) => {
    const { remoteAddress = "", remotePort = 0 } = socket;
    const connection = { peer: `${remoteAddress}:${remotePort}`, close: () => void socket.destroy() };
    connections.set(socket, connection);
    socket.once("close", () => rules.went(connection));
    rules.came(connection);
  });
  function judge(request: IncomingMessage, upgrade: boolean): ConsoleVerdict {
    const connection = connections.get(request.socket);
    if (connection === undefined) throw new Error("a request came on no connection");
    return rules.judge(visitOf(request, upgrade), connection);
  }
  server.on("clientError", (error: Error & { readonly code?: string }, socket) => {
    rules.malformed();
    if (error.code === "HPE_HEADER_OVERFLOW" && socket.writable) socket.end(TOO_MUCH);
    else socket.destroy();
  });
  const turnAway = (request: IncomingMessage, socket: { end(text: string): void }): void => {
    const verdict = judge(request, true);
    const status = verdict.kind === "answer" ? verdict.answer.status : 400;
    socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  };
  server.on("upgrade", (request: IncomingMessage, socket) => {
    socket.on("error", () => socket.destroy());
    turnAway(request, socket);
  });
  // Node looks for slow heads only once its server listens, which this one never does.
  server.emit("listening");

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const verdict = judge(request, false);
    if (verdict.kind === "answer") return sendAnswer(response, verdict.answer);
    const body = await readBody(request, BODY_BYTES);
    if (body === null) return sendAnswer(response, rules.tooLarge);
    if (verdict.kind === "body") return sendAnswer(response, await verdict.take(body));
    response.writeHead(verdict.head.status, [...verdict.head.headers.flat(), "cache-control", "no-store"]);
    response.flushHeaders();
    verdict.start(lineStream(response));
  }
  return server;
}

function lineStream(response: ServerResponse): LineStream {
  return {
    say(line) {
      if (response.destroyed) return;
      response.write(`${line}\n`);
      if (response.writableLength > QUEUED_BYTES) response.destroy();
    },
    end: () => void response.destroy(),
    ended: once(response, "close").then(() => undefined),
  };
}
