/**
 * Two servers of the network bench in one program: an origin, and a forward proxy that does nothing but hand on.
 *
 *     bench-origin.ts origin|proxy      prints its port
 *
 * The origin answers `/small` with two bytes and `/big/N` with N bytes.
 */
import { createServer, request as httpRequest, Agent } from "node:http";
import type { AddressInfo } from "node:net";
import { argv, stdout } from "node:process";

const CHUNK = Buffer.alloc(256 * 1024, "x");
const agent = new Agent({ keepAlive: true });

const server =
  argv[2] === "proxy"
    ? createServer((request, response) => {
        const { host, hostname, port, pathname } = new URL(request.url ?? "");
        const onward = httpRequest({
          agent,
          hostname,
          port,
          path: pathname,
          method: request.method,
          headers: { host },
        });
        onward.on("response", (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        request.pipe(onward);
      })
    : createServer((request, response) => {
        const bytes = Number(/^\/big\/(\d+)$/.exec(request.url ?? "")?.[1] ?? 0);
        if (bytes === 0) return void response.end("ok");
        response.writeHead(200, { "content-length": bytes });
        let left = bytes;
        const more = (): void => {
          while (left > 0) {
            const part = CHUNK.subarray(0, Math.min(left, CHUNK.length));
            left -= part.length;
            if (!response.write(part)) return void response.once("drain", more);
          }
          response.end();
        };
        more();
      });
server.listen(0, "127.0.0.1", () => stdout.write(`${(server.address() as AddressInfo).port}\n`));
