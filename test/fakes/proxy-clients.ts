import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string | Buffer;
  /** Speaks to this instead of the proxy's socket. */
  readonly over?: Socket;
}

/** One request through a proxy's unix socket, as an HTTP client makes it. */
export function ask(socketPath: string, url: string, options: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { over } = options;
    const request = httpRequest(
      {
        // An agent would make connections of its own.
        ...(over === undefined ? { socketPath, agent: false } : { createConnection: () => over }),
        method: options.method ?? "GET",
        path: url,
        headers: {
          ...(url.startsWith("http") ? { host: new URL(url).host } : {}),
          ...options.headers,
        },
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    request.on("error", reject);
    request.end(options.body);
  });
}

/** Opens a tunnel; the head of the proxy's answer, and the socket. */
export function openTunnel(
  socket: Socket,
  authority: string,
  host: string = authority,
): Promise<{ head: string; socket: Socket }> {
  return new Promise((resolve) => {
    let head = "";
    const onData = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.pause();
      resolve({ head, socket });
    };
    const onClose = (): void => resolve({ head, socket });
    socket.on("data", onData);
    socket.once("close", onClose);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  });
}

/** TLS inside a tunnel; rejects when the handshake fails or the connection ends before. */
export function secureTunnel(
  socket: Socket,
  options: { readonly ca: string; readonly servername?: string; readonly host?: string },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({ socket, ALPNProtocols: ["http/1.1"], ...options });
    tls.once("error", reject);
    tls.once("close", () => reject(new Error("the connection was closed")));
    tls.once("secureConnect", () => resolve(tls));
  });
}

/** Writes bytes as they are and reads until the other side closes. */
export function rawExchange(socket: Socket, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    socket.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
    socket.on("error", () => {});
    socket.once("close", () => resolve(got));
    socket.write(Buffer.from(bytes, "latin1"));
  });
}
