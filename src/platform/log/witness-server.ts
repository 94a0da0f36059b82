import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "../network/node-http.ts";

/** What a witness answers to a body. */
export interface WitnessAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** A witness that listens. */
export interface WitnessServer {
  readonly port: number;
  close(): Promise<void>;
}

const REQUEST_MS = 10_000;
const MAX_CONNECTIONS = 64;

/**
 * Serves `POST /add-checkpoint` at 127.0.0.1 and nothing else; port 0 takes a free one. Requests carry no authority: what
 * is cosigned is what a log's key signed. Bodies are read whole, at most `most` bytes of UTF-8, one answered at a time.
 */
export async function serveWitness(
  answer: (body: string) => WitnessAnswer,
  { port, most }: { readonly port: number; readonly most: number },
): Promise<WitnessServer> {
  const server = createServer((request, response) => void handle(request, response, { answer, most }));
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS;
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", listening);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server that listens on an address has one
  const { port: taken } = server.address() as AddressInfo;
  return {
    port: taken,
    close() {
      server.closeAllConnections();
      return new Promise((closed) => {
        server.close(() => closed());
      });
    },
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, most }: { readonly answer: (body: string) => WitnessAnswer; readonly most: number },
): Promise<void> {
  const say = ({ status, type, text }: WitnessAnswer): void => {
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(text),
      // What is left of a body that is not read to its end would be the next request.
      ...(status === 413 && { connection: "close" }),
    });
    response.end(text, () => status === 413 && request.destroy());
  };
  const plain = (status: number, text: string): void => say({ status, type: "text/plain", text: `${text}\n` });
  if (request.url !== "/add-checkpoint") return plain(404, "there is add-checkpoint here, and nothing else");
  if (request.method !== "POST") return plain(405, "add-checkpoint is a POST");
  try {
    const body = await readBody(request, most);
    if (body === null) return plain(413, `a request has at most ${most} bytes`);
    // In one turn from reading what was seen last to keeping the new: no two requests are measured by the same size.
    say(answer(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body)));
  } catch (error) {
    // ERRORS-DENY: a state that cannot be read or kept cosigns nothing.
    plain(error instanceof TypeError ? 400 : 500, error instanceof TypeError ? "this is not UTF-8" : "it failed");
  }
}

/** The body, or null as soon as it is larger than that; the rest of it is not read. */
function readBody(request: IncomingMessage, most: number): Promise<Buffer | null> {
  return new Promise((done, failed) => {
    const parts: Buffer[] = [];
    let size = 0;
    request.on("data", (part: Buffer) => {
      size += part.length;
      parts.push(part);
      if (size <= most) return;
      request.pause();
      done(null);
    });
    request.once("end", () => done(Buffer.concat(parts)));
    request.once("error", failed);
  });
}
