import type { ServerResponse } from "node:http";
import { sendTogether } from "./broker-wire.ts";

/** How much of a body is still read when its answer is out, in bytes, and for how long. */
const REST_BYTES = 64 * 1024 * 1024;
const REST_MS = 30_000;

const NOTHING = Buffer.alloc(0);

/**
 * Sends the head of an answer that is handed on, in this turn of the event loop and together with what comes of the body
 * in it: an event stream may have nothing to say for long. `headers` is flat: name, value, name, value.
 */
export function sendHead(
  response: ServerResponse,
  status: number,
  { reason, headers }: { readonly reason?: string; readonly headers: string[] },
): void {
  if (reason === undefined) response.writeHead(status, headers);
  else response.writeHead(status, reason, headers);
  // Not the response itself, which would put what it holds back behind its end.
  if (response.socket !== null) sendTogether(response.socket);
  // Before bytes a head goes out as the bytes it came as; `flushHeaders` would write it as UTF-8.
  response.write(NOTHING);
}

/** Breaks an answer off, behind what there is of it. */
export function breakAnswer(response: ServerResponse): void {
  response.socket?.uncork();
  response.destroy();
}

/**
 * Reads on, within bounds, when the answer is out and its request is not: some clients write all of a body before they
 * read, and a connection that is closed over bytes nobody read takes an answer with it that is still on its way. To be
 * called before the head of the answer is sent.
 */
export function readRest(response: ServerResponse): void {
  const { req: request, shouldKeepAlive: kept } = response;
  const { socket } = request;
  if (request.complete) return;
  // Else Node closes as soon as the answer is written.
  response.shouldKeepAlive = true;
  const leave = (): void => void (kept || socket.destroySoon());
  response.once("finish", () => {
    if (request.readableEnded) return leave();
    let left = REST_BYTES;
    const late = setTimeout(() => socket.destroy(), REST_MS).unref();
    request.unpipe();
    request.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) socket.destroy();
    });
    request.once("end", leave);
    request.once("close", () => clearTimeout(late));
    request.resume();
  });
}
