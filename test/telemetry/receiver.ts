import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** What a receiver got in one request. */
export interface Received {
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

/** A receiver of telemetry on loopback, which answers as it is told. */
export interface Receiver {
  readonly at: string;
  readonly got: Received[];
  /** How the next requests are answered: a status, or by closing half way; 200 again when the list is empty. */
  readonly answers: (number | "close" | "silence")[];
  /** Resolves when what it got fits. */
  until(fits: (got: readonly Received[]) => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const got: Received[] = [];
  const answers: Receiver["answers"] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      const answer = answers.shift() ?? 200;
      if (answer === "silence") return;
      if (answer === "close") {
        response.writeHead(200, { "content-length": "100" });
        response.write("{");
        return void setImmediate(() => response.destroy());
      }
      if (answer === 200) {
        got.push({ path: request.url ?? "", type: request.headers["content-type"] ?? "", body });
      }
      response.writeHead(answer, { "content-type": "application/json" }).end("{}");
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
  const { port: taken } = server.address() as AddressInfo;
  return {
    at: `http://127.0.0.1:${taken}`,
    got,
    answers,
    until: (fits) =>
      new Promise((done) => {
        const check = (): void => {
          if (!fits(got)) return;
          waiting.delete(check);
          done();
        };
        waiting.add(check);
        check();
      }),
    close() {
      server.closeAllConnections();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
