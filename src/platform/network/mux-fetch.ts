import type { IncomingMessage } from "node:http";
import { Readable, type Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { MuxClient } from "./mux.ts";
import { request as httpRequest } from "./node-http.ts";

/** Largest JSON body and largest single event of an event stream from a server, in bytes. */
export const HTTP_MESSAGE_BYTES: number = 4 * 1024 * 1024 - 64 * 1024;
const HEADER_BYTES = 64 * 1024;

/**
 * `fetch` for one URL and no other, over streams of the connector. TLS ends here, so that the connector sees only
 * ciphertext; certificates are checked against Node's own list of authorities. Redirects are not followed: each is a new
 * destination (DESIGN 6), and the caller sees the 3xx. Every exchange has a stream of its own.
 * A body over the bound is a RangeError while it is read; in an event stream the event is cut off and followed by the one
 * whose data `onEventTooLarge` gives for the request's body, and the stream ends.
 */
export function createMuxFetch(
  mux: MuxClient,
  options: { readonly url: string; readonly onEventTooLarge: (requestBody: string | null) => string },
): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
  const only = new URL(options.url);
  return async (input, init = {}) => {
    const target = new URL(input instanceof Request ? input.url : input);
    if (target.href !== only.href) throw new TypeError(`Cannot fetch "${target.href}": only "${only.href}" is granted`);
    const { body } = init;
    if (body !== undefined && body !== null && typeof body !== "string") {
      throw new TypeError("Cannot fetch: only text bodies are sent");
    }
    const { signal } = init;
    signal?.throwIfAborted();
    const stream = mux.connect();
    const headers: { [name: string]: string } = Object.fromEntries(new Headers(init.headers));
    const answer = await exchange(secure(stream, only), {
      url: only,
      method: init.method ?? "GET",
      headers,
      body: body ?? null,
      signal: signal ?? null,
    });
    return toResponse(answer, () => options.onEventTooLarge(body ?? null));
  };
}

function secure(stream: Duplex, url: URL): Duplex {
  if (url.protocol === "http:") return stream;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // An IP address cannot be a server name (RFC 6066 section 3); it is still what the certificate is checked against.
  const named = /^[0-9.]+$|:/.test(host) ? {} : { servername: host };
  return connectTls({ socket: stream, host, ...named, ALPNProtocols: ["http/1.1"], minVersion: "TLSv1.2" });
}

interface Exchange {
  readonly url: URL;
  readonly method: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string | null;
  readonly signal: AbortSignal | null;
}

function exchange(stream: Duplex, { url, method, headers, body, signal }: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        createConnection: () => stream,
        method,
        path: `${url.pathname}${url.search}`,
        maxHeaderSize: HEADER_BYTES,
        headers: {
          ...headers,
          host: url.host,
          // No compression: a bound on what arrives is then a bound on what it becomes.
          "accept-encoding": "identity",
          connection: "close",
          ...(body === null ? {} : { "content-length": Buffer.byteLength(body) }),
        },
        ...(signal === null ? {} : { signal }),
      },
      resolve,
    );
    request.once("error", (error) => {
      stream.destroy();
      reject(error);
    });
    request.end(body);
  });
}

function toResponse(answer: IncomingMessage, tooLarge: () => string): Response {
  const status = answer.statusCode ?? 502;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    if (typeof value === "string") headers.set(name, value);
  }
  // A body is not allowed with these (Fetch standard, "null body status").
  if (status === 204 || status === 205 || status === 304) {
    answer.destroy();
    return new Response(null, { status, headers });
  }
  const events = headers.get("content-type")?.startsWith("text/event-stream") === true;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node's and the global stream type are one class
  const body = Readable.toWeb(
    Readable.from(events ? boundEvents(answer, tooLarge) : boundBody(answer)),
  ) as ReadableStream<Uint8Array>;
  return new Response(body, { status, headers });
}

async function* boundBody(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  let held = 0;
  for await (const chunk of readBytes(answer)) {
    held += chunk.length;
    if (held > HTTP_MESSAGE_BYTES) throw new RangeError("Cannot read the server's answer: it is over its size bound");
    yield chunk;
  }
}

/** An event ends at an empty line (WHATWG HTML, server-sent events). */
async function* boundEvents(answer: IncomingMessage, tooLarge: () => string): AsyncGenerator<Uint8Array> {
  let event = 0;
  /** Bytes of the line under way; a line of a carriage return alone is an empty one. */
  let line = 0;
  for await (const chunk of readBytes(answer)) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      line += end - from;
      const empty = line === 0 || (line === 1 && chunk[end - 1] === CARRIAGE_RETURN);
      event = empty ? 0 : event + line + 1;
      line = 0;
      from = end + 1;
      if (event > HTTP_MESSAGE_BYTES) break;
    }
    line += chunk.length - from;
    if (event + line > HTTP_MESSAGE_BYTES) {
      yield Buffer.from(`\n\ndata: ${tooLarge()}\n\n`);
      return;
    }
    yield chunk;
  }
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

async function* readBytes(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const chunk of answer) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("Cannot read the server's answer: it is not bytes");
    yield chunk;
  }
}
