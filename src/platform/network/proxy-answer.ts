import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { breakAnswer, readRest, sendHead } from "./answer-out.ts";
import { readAnswering, readHead, type AnsweringHead } from "./broker-wire.ts";
import { carryOn } from "./carry-on.ts";
import { clientHeaders } from "./proxy-head.ts";

/** What an agent's program is told when there is nothing else to say: JSON, like a denied call of a tool. */
export interface ProxyProblem {
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  readonly proposal: object | null;
}

/** Status for a request that was decided against, and for one that went out and failed. */
export const DENIED = 403;
const FAILED = 502;

/** Why an exchange failed, in words for whoever wrote the program that asked. */
const FAULT_WORDS: ReadonlyMap<string, string> = new Map([
  ["ticket-expired", "the request took too long to begin"],
  ["name-unknown", "the name does not resolve"],
  ["address-refused", "the name leads to an address that its grant does not cover"],
  ["unreachable", "the server does not answer"],
  ["tls-refused", "the server's certificate or its TLS was refused"],
  [
    "broken-response",
    "the server broke off, or its answer cannot be read: it is not HTTP/1.1, or its head is over 64 KiB",
  ],
  [
    "encoded-response",
    "the server compressed its answer, or sent a part of it, although it was asked not to, and a secret in it could not be taken out",
  ],
  ["placeholder", "its body carries a placeholder, and secrets go into one header only"],
  ["not-bound", "no secret is bound to that destination"],
  ["broken-request", "the body is not as long as it was said to be"],
]);

/** A fault of the broker's as a problem. */
export function faultProblem(fault: string): ProxyProblem {
  const words = FAULT_WORDS.get(fault) ?? "the broker broke off";
  return { stage: "execute", code: fault, message: `Cannot carry out the request: ${words}`, proposal: null };
}

/** Answers a request with a problem. The connection ends with it, behind the rest of a body that was being streamed. */
export function sendProblem(response: ServerResponse, status: number, problem: ProxyProblem): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const text = JSON.stringify(problem);
  response.shouldKeepAlive = false;
  if (status === DENIED || status === FAILED) readRest(response);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** The same on a connection without an HTTP server of its own. */
export function writeProblem(socket: Duplex, status: number, problem: ProxyProblem): void {
  const text = JSON.stringify(problem);
  const words = status === DENIED ? "Forbidden" : status === FAILED ? "Bad Gateway" : "Bad Request";
  socket.end(
    `HTTP/1.1 ${status} ${words}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n` +
      `connection: close\r\n\r\n${text}`,
  );
}

/** Hands a broker's answer on to a client, as fast as the client reads; a break on either side breaks the other. */
export async function sendAnswer(
  response: ServerResponse,
  stream: Duplex,
  options: {
    readonly refuse?: typeof sendProblem;
    /** The answer's head, where it was read already. */
    readonly read?: AnsweringHead;
    /** What the client's end of the answer waits for. */
    readonly until?: Promise<void>;
  } = {},
): Promise<void> {
  const { refuse = sendProblem, until, read } = options;
  stream.on("error", () => stream.destroy());
  response.once("close", () => stream.destroy());
  const head = read ?? (await headOf(stream));
  if (head.kind !== "response") {
    return refuse(response, FAILED, faultProblem(head.kind === "fault" ? head.fault : "broken-response"));
  }
  readRest(response);
  sendHead(response, head.status, { reason: head.reason, headers: clientHeaders(head.headers) });
  stream.once("close", () => {
    if (!stream.readableEnded) breakAnswer(response);
  });
  carryOn(stream, response, { end: until === undefined });
  if (until === undefined) return;
  stream.once("end", () => void until.finally(() => response.end()));
}

/** Hands an answer to an upgrade on: the connection becomes the server's, or gets a response and ends. */
export async function sendUpgrade(socket: Duplex, stream: Duplex): Promise<void> {
  const head = await headOf(stream);
  if (head.kind !== "response") {
    return writeProblem(socket, FAILED, faultProblem(head.kind === "fault" ? head.fault : "broken-response"));
  }
  const upgraded = head.status === 101;
  const kept = clientHeaders(head.headers);
  const own = upgraded ? ["connection", "Upgrade", "upgrade", "websocket"] : ["connection", "close"];
  const rows: string[] = [];
  for (const list of [kept, own]) {
    for (let at = 0; at + 1 < list.length; at += 2) rows.push(`${list[at]}: ${list[at + 1]}\r\n`);
  }
  socket.write(`HTTP/1.1 ${head.status} ${head.reason}\r\n${rows.join("")}\r\n`, "latin1");
  joinStreams(socket, stream);
}

/** Two streams become one. The end of one side is handed on, a break breaks the other. */
export function joinStreams(socket: Duplex, stream: Duplex): void {
  const gone = (): void => {
    socket.destroy();
    stream.destroy();
  };
  stream.on("error", gone);
  socket.on("error", gone);
  stream.once("close", () => {
    // What came before the end is still on its way to the client.
    if (stream.readableEnded) socket.end();
    else socket.destroy();
  });
  socket.once("close", () => stream.destroy());
  socket.pipe(stream);
  carryOn(stream, socket);
}

/** The head of an answer; a broker that breaks off before it is a fault too. */
function headOf(stream: Duplex): Promise<AnsweringHead> {
  return readHead(stream, readAnswering).catch((): AnsweringHead => ({ kind: "fault", fault: "cut" }));
}
