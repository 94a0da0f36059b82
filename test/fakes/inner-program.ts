/**
 * A program that listens inside a sandbox and says what it was sent: `node inner-program.mjs PORT`. It answers over HTTP
 * with the head of the request, leads elsewhere on `/away`, speaks a WebSocket's bytes on an upgrade, and ends on `/end`.
 */
import { createHash } from "node:crypto";

// Not by an import, which compiles much more (src/platform/network/node-http.ts), in each of hundreds of agents.
const { createServer } = process.getBuiltinModule("node:http");

const server = createServer((request, response) => {
  if (request.url === "/end") {
    response.end("ending");
    setTimeout(() => process.exit(0), 100);
    return;
  }
  if (request.url === "/away") return void response.writeHead(302, { location: "https://evil.example/?q=data" }).end();
  const headers = {
    "content-type": "application/json",
    "access-control-allow-origin": "*",
    "content-security-policy": "script-src 'self'; report-uri https://evil.example/",
    "report-to": "evil",
    link: "<https://evil.example/>; rel=preconnect",
  };
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    response.writeHead(200, headers);
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }),
    );
  });
});
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on("data", (chunk) => socket.write(chunk));
  socket.on("error", () => socket.destroy());
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
