/**
 * The client of the network bench.
 *
 *     bench-client.ts ORIGIN direct|forward:PORT|PORT|SOCKET COUNT LATER BYTES
 *
 * Asks ORIGIN for `/small` COUNT times, one after the other on one connection, LATER times more without looking, COUNT times
 * again, and once for BYTES; directly, over a forwarded port, through a proxy on a TCP port, or through one on a unix socket.
 * Prints { p50, p99, later (milliseconds; p50 of the second COUNT), bytesPerSecond }.
 */
import { Agent, request } from "node:http";
import { argv, stdout } from "node:process";

const [origin = "", way = "", count = "", later = "", bytes = ""] = argv.slice(2);
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

/** Milliseconds of each of `many` requests, shortest first. */
async function times(many: number): Promise<number[]> {
  const taken: number[] = [];
  for (let each = 0; each < many; each++) {
    const began = performance.now();
    await ask("/small");
    taken.push(performance.now() - began);
  }
  return taken.toSorted((a, b) => a - b);
}

const middle = (sorted: readonly number[]): number | undefined => sorted[Math.floor(sorted.length / 2)];
await times(50); // which make the connections
const first = await times(Number(count));
await times(Number(later));
const warm = await times(Number(count));
const began = performance.now();
const size = await ask(`/big/${bytes}`);
const seconds = (performance.now() - began) / 1000;
if (size !== Number(bytes)) throw new Error(`got ${size} bytes`);
stdout.write(
  `${JSON.stringify({
    p50: middle(first),
    p99: first[Math.floor(first.length * 0.99)],
    later: middle(warm),
    bytesPerSecond: size / seconds,
  })}\n`,
);
agent.destroy();
