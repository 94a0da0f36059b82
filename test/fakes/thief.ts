import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFrame } from "./frames.ts";

/** A site of somebody else's: it has a page with a link, and listens for what a browser can be led to tell it. */
export interface Thief {
  readonly port: number;
  /** Everything that WebSockets said to it, as text. */
  readonly heard: readonly string[];
  /** Requests, by address. */
  readonly asked: readonly string[];
  /** Where its page at `/link` leads. */
  leadTo(url: string): void;
  close(): void;
}

export async function startThief(): Promise<Thief> {
  const heard: string[] = [];
  const asked: string[] = [];
  let target = "";
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const page = `<!doctype html><script>location.href = ${JSON.stringify(target)}</script>`;
    response.writeHead(200, { "content-type": "text/html" }).end(request.url === "/link" ? page : "");
  });
  server.on("upgrade", (request, socket) => {
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    let bytes = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let frame = readFrame(bytes); frame !== null; frame = readFrame(bytes)) {
        heard.push(frame.text);
        bytes = bytes.subarray(frame.length);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    asked,
    leadTo: (url) => void (target = url),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
