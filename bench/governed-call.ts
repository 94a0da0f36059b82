import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptSource } from "../test/e2e/sources.ts";
import { REPO, startSubstrate, type Substrate } from "../test/e2e/substrate.ts";
import { watchProcessorTimes } from "./processor-time.ts";
import { median, type Row } from "./row.ts";

const ONES = 800;
const MANY = 6000;

interface Measured {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  readonly failed: number;
  /** When the calls one by one and those at once were made, milliseconds since 1970 UTC. */
  readonly alone: readonly [from: number, to: number];
  readonly together: readonly [from: number, to: number];
}

const PROCESSES = ["monitor", "face", "driver", "agent", "server"] as const;

/** Microseconds of processor time that one call takes of each process, alone and with others at once. */
interface Times {
  readonly alone: readonly number[];
  readonly together: readonly number[];
}

/** A governed MCP call (six stages, durable intent and outcome, three sandboxes) against the same call made directly. */
export async function run(): Promise<readonly Row[]> {
  const agent = join(REPO, "test", "fakes", "bench-agent.ts");
  const server = join(REPO, "test", "fakes", "notes-server.ts");
  const folder = mkdtempSync(join(tmpdir(), "aios-bench-"));
  const aios = await startSubstrate();
  try {
    await aios.grant({
      id: "bench",
      agents: ["bench"],
      drivers: {
        notes: {
          source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/notes.txt"], workspace: "write" }),
          tools: { add: { risk: "stage", fields: { text: "string" } } },
        },
      },
      allow: ["notes/add"],
    });
    const direct = (): Measured =>
      JSON.parse(
        execFileSync(process.execPath, [agent, String(ONES), String(MANY), "add", server, join(folder, "notes.txt")], {
          encoding: "utf8",
        }),
      );
    const governed = async (): Promise<Measured & { readonly times: Times }> => {
      const watched = watchProcessorTimes({
        monitor: aios.pid,
        face: "/aios/src/main/face.ts",
        driver: "/aios/src/main/driver.ts",
        agent: "bench-agent.ts",
        server: "notes-server.mjs",
      });
      const ran = await aios.run({
        agent: "bench",
        command: ["/aios/node", agent, String(ONES), String(MANY), "notes__add"],
        code: [agent],
        workspace: aios.workspace,
      });
      if (ran.exit !== 0) throw new Error(`the governed agent ended with ${ran.exit}: ${ran.stderr}`);
      watched.stop();
      const measured: Measured = JSON.parse(ran.stdout);
      return {
        ...measured,
        times: {
          alone: PROCESSES.map((name) => (1000 * watched.used(name, measured.alone)) / ONES),
          together: PROCESSES.map((name) => (1000 * watched.used(name, measured.together)) / MANY),
        },
      };
    };
    // In turn, so that a machine that slows down slows both.
    const rounds: { direct: Measured; governed: Awaited<ReturnType<typeof governed>>; sync: number }[] = [];
    for (let round = 0; round < 3; round++)
      rounds.push({ sync: syncTime(folder), direct: direct(), governed: await governed() });
    const failed = rounds.reduce((sum, round) => sum + round.governed.failed + round.direct.failed, 0);
    if (failed > 0) throw new Error(`${failed} calls failed`);
    const sync = median(rounds.map((round) => round.sync));
    const added = median(rounds.map((round) => round.governed.p50 - round.direct.p50));
    const bar = 2 * sync + 0.5;
    const perSecond = median(rounds.map((round) => round.governed.perSecond));
    return [
      { what: "fdatasync of 512 bytes, p50", value: sync, unit: "ms", bar: "", met: null, note: "same run" },
      {
        what: "MCP call made directly, p50",
        value: median(rounds.map((r) => r.direct.p50)),
        unit: "ms",
        bar: "",
        met: null,
        note: "",
      },
      {
        what: "governed MCP call, p50",
        value: median(rounds.map((r) => r.governed.p50)),
        unit: "ms",
        bar: "",
        met: null,
        note: "",
      },
      {
        what: "a governed call adds, p50",
        value: added,
        unit: "ms",
        bar: `≤ 2 × fdatasync + 0.5 = ${bar.toFixed(2)} ms`,
        met: added <= bar,
        note: "",
      },
      {
        what: "governed calls, 64 at once",
        value: perSecond,
        unit: "/s",
        bar: "≥ 2,000 /s",
        met: perSecond >= 2000,
        note: `directly ${Math.round(median(rounds.map((r) => r.direct.perSecond)))} /s`,
      },
      ...timeRows(rounds.map((round) => round.governed.times)),
      ...(await memoryRows(aios)),
    ];
  } finally {
    await aios.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where the processor time of a call goes. Unlike the times above it says the same on a busy machine. */
function timeRows(rounds: readonly Times[]): readonly Row[] {
  return (["alone", "together"] as const).flatMap((way) =>
    PROCESSES.map((name, at) => ({
      what: `processor time a call, ${way === "alone" ? "one by one" : "64 at once"}: ${name}`,
      value: median(rounds.map((round) => round[way][at] ?? Number.NaN)),
      unit: "µs",
      bar: "",
      met: null,
      note: "",
    })),
  );
}

/** Anonymous memory of the monitor and of a face that has served a few calls. */
async function memoryRows(aios: Substrate): Promise<readonly Row[]> {
  const monitor = anonymous(aios.pid);
  const running = aios.run({ agent: "bench", command: ["/usr/bin/sleep", "3"], workspace: aios.workspace });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const face = findProcess("/aios/src/main/face.ts");
  const used = face === null ? Number.NaN : anonymous(face);
  await running;
  return [
    {
      what: "monitor, anonymous memory",
      value: monitor,
      unit: "MB",
      bar: "≤ 128 MB",
      met: monitor <= 128,
      note: "after the calls above",
    },
    { what: "face, anonymous memory", value: used, unit: "MB", bar: "≤ 60 MB", met: used <= 60, note: "warm" },
  ];
}

function anonymous(pid: number): number {
  const line = /^Anonymous:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Number(line?.[1]) / 1000;
}

/** The newest process whose command line has this word. */
function findProcess(word: string): number | null {
  const pids = execFileSync("ps", ["-eo", "pid,args", "--sort=-start_time"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(word) && !line.includes("bwrap"))
    .map((line) => Number.parseInt(line.trim(), 10));
  return pids[0] ?? null;
}

function syncTime(folder: string): number {
  const fd = openSync(join(folder, "sync"), "a");
  const bytes = Buffer.alloc(512, 1);
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    writeSync(fd, bytes);
    fdatasyncSync(fd);
    return performance.now() - start;
  });
  closeSync(fd);
  return median(times);
}
