import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * The body of a request as text, or null when it is longer than `bound` bytes or not UTF-8. Reading stops at the bound,
 * whatever length was declared.
 */
export async function readBody(request: IncomingMessage, bound: number): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let held = 0;
  for await (const part of request) {
    if (!(part instanceof Uint8Array)) return null;
    held += part.length;
    if (held > bound) return null;
    parts.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    return null;
  }
}

/** The first status of an answer that nothing else follows. */
const FINAL = 200;

/**
 * Whether an answer of a server has one reading for whoever gets it handed on: it is the last to its request, and its body in no
 * transfer coding but chunks, which are taken off here and made anew behind.
 */
export function isReadable({ statusCode = 0, headers }: IncomingMessage): boolean {
  const coding = headers["transfer-encoding"];
  return statusCode >= FINAL && (coding === undefined || coding.toLowerCase() === "chunked");
}

/** Answers with one JSON text. The connection is closed after an error, since the rest of a body may be unread. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  if (status >= 400) response.shouldKeepAlive = false;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** Answers with a response of the fetch standard, as fast as the client reads and no faster. */
export async function sendWeb(response: ServerResponse, web: Response): Promise<void> {
  response.writeHead(web.status, Object.fromEntries(web.headers));
  if (web.body === null) return void response.end();
  response.flushHeaders();
  const reader = web.body.getReader();
  // Ends the reader when the client goes, so that an event stream without events does not wait for ever.
  response.once("close", () => void reader.cancel().catch(() => undefined));
  for (;;) {
    const { done, value } = await reader.read();
    if (done || response.destroyed) break;
    if (!response.write(value)) await Promise.race([once(response, "drain"), once(response, "close")]);
  }
  response.end();
}
