import { createServer } from "node:http";

const HEAD_MS = 5000;
const MAX_CONNECTIONS = 16;

/**
 * Serves `GET /metrics` on a socket that listens on a port of this machine already, and nothing else. It carries no
 * authority and changes nothing. A page that a browser was led here by another name (DNS rebinding) is turned away.
 */
export function serveMetrics(
  fd: number,
  { port, type, text }: { readonly port: number; readonly type: string; readonly text: () => string },
): void {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const server = createServer({ maxHeaderSize: 8192 }, (request, response) => {
    const say = (status: number, body: string, contentType: string = "text/plain"): void => {
      response.writeHead(status, {
        "content-type": contentType,
        "content-length": Buffer.byteLength(body),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        connection: "close",
      });
      response.end(request.method === "HEAD" ? "" : body);
    };
    if (!hosts.includes(request.headers.host ?? "")) return say(421, "this is not that host\n");
    if (request.headers.origin !== undefined) return say(403, "not for pages\n");
    if (request.url !== "/metrics") return say(404, "there is /metrics here, and nothing else\n");
    if (request.method !== "GET" && request.method !== "HEAD") return say(405, "/metrics is a GET\n");
    say(200, text(), type);
  });
  server.requestTimeout = HEAD_MS;
  server.headersTimeout = HEAD_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.listen({ fd });
}
