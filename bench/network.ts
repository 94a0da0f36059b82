import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NET_TOOLS } from "../src/kernel/net.ts";
import { REPO, startSubstrate } from "../test/e2e/substrate.ts";
import { median, type Row } from "./row.ts";

const SMALL = 500;
/** Requests by which the code of every process is compiled for good. */
const LATER = 1500;
const BIG = 256 * 1024 * 1024;
const ROUNDS = 3;
const CLIENT = join(REPO, "test", "fakes", "bench-client.ts");

interface Measured {
  readonly p50: number;
  readonly p99: number;
  readonly later: number;
  readonly bytesPerSecond: number;
}

/** Where the forwarded port is inside. */
const INSIDE = 5432;

/**
 * A request of a confined agent through its proxy and broker, and over a port forwarded to the same server, against the
 * same made directly and through a bare Node proxy. Through the proxy every request is an action of its own; over a forward
 * the connection is, so that is what carrying alone costs.
 */
export async function run(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "aios-bench-"));
  const aios = await startSubstrate();
  const servers = [startServer("origin"), startServer("proxy")];
  try {
    const [origin = 0, proxy = 0] = await Promise.all(servers.map(portOf));
    await aios.grant({
      id: "bench",
      agents: ["bench"],
      drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
      allow: [
        { what: "net/fetch", where: { host: { equals: "localhost" }, port: { equals: origin } } },
        {
          what: "net/forward",
          where: { host: { equals: "localhost" }, port: { equals: origin }, inside: { equals: INSIDE } },
        },
      ],
      lease: true,
      limits: { uses: ROUNDS * (100 + SMALL + LATER + SMALL) },
    });
    const bare = (way: string): Measured =>
      JSON.parse(
        execFileSync(process.execPath, [CLIENT, String(origin), way, String(SMALL), String(LATER), String(BIG)], {
          encoding: "utf8",
        }),
      );
    const governed = async (way: string): Promise<Measured> => {
      const ran = await aios.run({
        agent: "bench",
        command: ["/aios/node", CLIENT, String(origin), way, String(SMALL), String(LATER), String(BIG)],
        code: [CLIENT],
      });
      if (ran.exit !== 0) throw new Error(`the governed agent ended with ${ran.exit}: ${ran.stderr}`);
      return JSON.parse(ran.stdout);
    };
    // In turn, so that a machine that slows down slows all.
    const rounds: { sync: number; direct: Measured; proxied: Measured; governed: Measured; forwarded: Measured }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        sync: syncTime(folder),
        direct: bare("direct"),
        proxied: bare(String(proxy)),
        governed: await governed("/run/aios/proxy.sock"),
        forwarded: await governed(`forward:${INSIDE}`),
      });
    }
    const added = median(rounds.map((round) => round.governed.p50 - round.direct.p50));
    const addedLater = median(rounds.map((round) => round.governed.later - round.direct.later));
    const carried = median(rounds.map((round) => round.forwarded.p50 - round.direct.p50));
    const share = median(rounds.map((round) => round.governed.bytesPerSecond / round.proxied.bytesPerSecond));
    const carriedShare = median(rounds.map((round) => round.forwarded.bytesPerSecond / round.proxied.bytesPerSecond));
    const plain = (what: string, value: number, unit: string): Row => ({
      what,
      value,
      unit,
      bar: "",
      met: null,
      note: "",
    });
    return [
      plain("fdatasync of 512 bytes, p50", median(rounds.map((round) => round.sync)), "ms"),
      plain("GET on loopback, direct, p50", median(rounds.map((round) => round.direct.p50)), "ms"),
      plain("the same through a bare Node proxy, p50", median(rounds.map((round) => round.proxied.p50)), "ms"),
      plain("the same through face and broker, p50", median(rounds.map((round) => round.governed.p50)), "ms"),
      plain("the same through face and broker, p99", median(rounds.map((round) => round.governed.p99)), "ms"),
      {
        what: "what face, decision, log and broker add, p50",
        value: added,
        unit: "ms",
        bar: "at most 1 ms",
        met: added <= 1,
        note: "with a durable intent and an outcome for each request",
      },
      {
        what: "the same, of requests of an agent that made two thousand",
        value: addedLater,
        unit: "ms",
        bar: "at most 1 ms",
        met: addedLater <= 1,
        note: "the first run on code that Node has not compiled for good, in a face and a broker that are as young as the agent",
      },
      {
        what: "what face and broker add on an open forward, p50",
        value: carried,
        unit: "ms",
        bar: "at most 1 ms",
        met: carried <= 1,
        note: "one intent and one outcome for the connection, none for a request in it",
      },
      plain("large body, bare Node proxy", median(rounds.map((round) => round.proxied.bytesPerSecond)) / 1e6, "MB/s"),
      plain("large body, face and broker", median(rounds.map((round) => round.governed.bytesPerSecond)) / 1e6, "MB/s"),
      {
        what: "large body, share of a bare Node proxy",
        value: share * 100,
        unit: "%",
        bar: "at least 60 %",
        met: share >= 0.6,
        note: "",
      },
      {
        what: "large body over a forward, share of a bare Node proxy",
        value: carriedShare * 100,
        unit: "%",
        bar: "at least 60 %",
        met: carriedShare >= 0.6,
        note: "",
      },
    ];
  } finally {
    for (const server of servers) server.kill();
    await aios.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startServer(kind: "origin" | "proxy"): ChildProcess {
  const program = join(REPO, "test", "fakes", "bench-origin.ts");
  return spawn(process.execPath, [program, kind], { stdio: ["ignore", "pipe", "inherit"] });
}

async function portOf(server: ChildProcess): Promise<number> {
  if (server.stdout === null) throw new Error("the server has no output");
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  return Number(line.toString());
}

function syncTime(folder: string): number {
  const fd = openSync(join(folder, "sync"), "w");
  const bytes = Buffer.alloc(512);
  const times: number[] = [];
  for (let each = 0; each < 200; each++) {
    const began = performance.now();
    writeSync(fd, bytes);
    fdatasyncSync(fd);
    times.push(performance.now() - began);
  }
  closeSync(fd);
  return median(times);
}
