/**
 * The client of the network bench.
 *
 *     bench-client.ts ORIGIN direct|forward:PORT|PORT|SOCKET COUNT BYTES
 *
 * Asks ORIGIN for `/small` COUNT times, one after the other on one connection, and once for BYTES; directly, over a
 * forwarded port, through a proxy on a TCP port, or through one on a unix socket. Prints { p50, p99 (milliseconds), bytesPerSecond }.
 */
import { Agent, request } from "node:http";
import { argv, stdout } from "node:process";

const [origin = "", way = "", count = "", bytes = ""] = argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const host = `localhost:${origin}`;
const forwarded = /^forward:(\d+)$/.exec(way)?.[1];
const isPlain = way === "direct" || forwarded !== undefined;
const to = isPlain
  ? { host: "127.0.0.1", port: forwarded ?? origin }
  : way.startsWith("/")
    ? { socketPath: way }
    : { host: "127.0.0.1", port: way };

function ask(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...to, agent, path: isPlain ? path : `http://${host}${path}`, headers: { host } },
      (response) => {
        let size = 0;
        response.on("data", (chunk: Buffer) => (size += chunk.length));
        response.on("error", reject);
        response.on("end", () =>
          response.statusCode === 200 ? resolve(size) : reject(new Error(`status ${response.statusCode}`)),
        );
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

const times: number[] = [];
for (let each = 0; each < Number(count) + 50; each++) {
  const began = performance.now();
  await ask("/small");
  // The first few make the connections.
  if (each >= 50) times.push(performance.now() - began);
}
times.sort((a, b) => a - b);
const began = performance.now();
const size = await ask(`/big/${bytes}`);
const seconds = (performance.now() - began) / 1000;
if (size !== Number(bytes)) throw new Error(`got ${size} bytes`);
stdout.write(
  `${JSON.stringify({
    p50: times[Math.floor(times.length / 2)],
    p99: times[Math.floor(times.length * 0.99)],
    bytesPerSecond: size / seconds,
  })}\n`,
);
agent.destroy();
