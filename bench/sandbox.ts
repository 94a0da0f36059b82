import { realpathSync } from "node:fs";
import { join } from "node:path";
import { readLauncherFiles } from "../src/platform/sandbox/launcher-files.ts";
import { startSandbox, type StartedSandbox } from "../src/platform/sandbox/sandbox-process.ts";
import { createSupervisor, type WardNews } from "../src/platform/sandbox/supervisor-link.ts";
import { CALLS } from "../src/sandbox/syscalls.ts";
import type { SandboxSpec } from "../src/sandbox/spec.ts";
import { runBare, runBareSpawned } from "./bare.ts";
import { median, type Row } from "./row.ts";

const ROUNDS = 60;
const STORMS = 10;
const STORM_SIZE = 200;
const AGENTS = 30;
/** Programs that one run starts, for the cost of taking one down; and runs with and without. */
const STARTS = 1000;
const START_RUNS = 6;

/** Forks until the limit on processes, and goes on. */
const STORM = "while :; do setsid sh -c 'setsid sleep 60 & sleep 0.01' 2>/dev/null & wait -n 2>/dev/null; done";

const SPEC: SandboxSpec = {
  role: "exec",
  command: ["/usr/bin/true"],
  cwd: "/tmp",
  environment: { PATH: "/usr/bin:/bin" },
  mounts: [],
  channels: 0,
  published: false,
  programs: "any",
  terminal: false,
  network: "none",
  limits: { processes: STORM_SIZE + 20, openFiles: 256, fileBytes: 1 << 20, memoryBytes: 512 << 20 },
};

const ROOT = realpathSync(join(import.meta.dirname, ".."));
const NODE = realpathSync(process.execPath);
const LAUNCHER = readLauncherFiles(ROOT, NODE);
const SUPERVISOR = createSupervisor([
  NODE,
  "--max-semi-space-size=1",
  "--disable-warning=ExperimentalWarning",
  join(ROOT, "src/main/supervisor.ts"),
]);
const AGENT: SandboxSpec = {
  ...SPEC,
  role: "agent",
  limits: { processes: STORM_SIZE + 40, openFiles: 1024, fileBytes: 1 << 20, memoryBytes: 2 * 1024 ** 3 },
};

/** Measures starts and ends of sandboxes. Refuses root, which has none. */
export async function run(): Promise<readonly Row[]> {
  const ours: number[] = [];
  const bare: number[] = [];
  const spawned: number[] = [];
  // Taken in turns, so that what else the machine does falls on both.
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await time(runBare));
    ours.push(await time(runOurs));
    spawned.push(await time(runBareSpawned));
  }
  const ratio = median(ours) / median(bare);
  const ends = await measureEnds();
  await SUPERVISOR.ready();
  const agents = await measureAgents();
  SUPERVISOR.close();
  return [
    ...agents,
    { what: "bare bubblewrap, true", value: median(bare), unit: "ms", bar: "", met: null, note: `p50 of ${ROUNDS}` },
    {
      what: "exec of true",
      value: median(ours),
      unit: "ms",
      bar: "",
      met: null,
      note: `p50 of ${ROUNDS}, until the namespace is gone`,
    },
    {
      what: "exec of true against bare bubblewrap",
      value: ratio,
      unit: "×",
      bar: "≤ 1.3",
      met: ratio <= 1.3,
      note: "in turns",
    },
    {
      what: "the same, bare started as ours is",
      value: median(ours) / median(spawned),
      unit: "×",
      bar: "",
      met: null,
      note: "without the fork of Node that the other bare start has, and a sandbox has not",
    },
    {
      what: `end of a storm of ${STORM_SIZE} processes, slowest of ${STORMS}`,
      value: Math.max(...ends),
      unit: "ms",
      bar: "≤ 500",
      met: Math.max(...ends) <= 500,
      note: "kill() to an empty namespace",
    },
  ];
}

async function measureAgents(): Promise<readonly Row[]> {
  const over: number[] = [];
  for (let round = 0; round < AGENTS; round++) {
    const bare = await time(runBare);
    const agent = await time(async () => void (await (await startAgent(["/usr/bin/true"])).ended));
    over.push(agent - bare);
  }
  const loop = ["/bin/sh", "-c", `i=0; while [ $i -lt ${STARTS} ]; do /usr/bin/true; i=$((i+1)); done`];
  const costs: number[] = [];
  for (let round = 0; round < START_RUNS; round++) {
    // The time from the first start of a program to the last, without the sandbox's own start.
    const plain = await startSandbox({ ...SPEC, command: loop }, { streams: "ignore" });
    const unrecorded = await time(async () => void (await plain.ended));
    const supervised = await startAgent(loop);
    const recorded = await time(async () => void (await supervised.ended));
    costs.push(((recorded - unrecorded) * 1000) / STARTS);
  }
  const terminals = await measureTerminals();
  const kills = terminals.map(({ told }) => told);
  const ends = terminals.map(({ gone }) => gone);
  return [
    {
      what: "agent start, true, over bare bubblewrap",
      value: median(over),
      unit: "ms",
      bar: "≤ 150",
      met: median(over) <= 150,
      note: `p50 of ${AGENTS} in turns, launcher and supervisor, without a face`,
    },
    {
      what: "start of a program inside, recorded, over unrecorded",
      value: median(costs),
      unit: "µs",
      bar: "",
      met: null,
      note: `p50 of ${START_RUNS} runs of ${STARTS}, in turns`,
    },
    {
      what: `terminal call among ${STORM_SIZE} processes to kill sent and told, slowest of ${STORMS}`,
      value: Math.max(...kills),
      unit: "ms",
      bar: "≤ 20",
      met: Math.max(...kills) <= 20,
      note: `p50 ${median(kills).toFixed(1)} ms`,
    },
    {
      what: `terminal call among ${STORM_SIZE} processes to all gone, slowest of ${STORMS}`,
      value: Math.max(...ends),
      unit: "ms",
      bar: "≤ 500",
      met: Math.max(...ends) <= 500,
      note: `p50 ${median(ends).toFixed(1)} ms`,
    },
  ];
}

function startAgent(command: readonly string[], hear: (news: WardNews) => void = () => {}): Promise<StartedSandbox> {
  const agent = { launcher: LAUNCHER, supervisor: SUPERVISOR, hear };
  return startSandbox({ ...AGENT, command }, { streams: "capture", agent });
}

/** Says which time it is, on the clock that the whole machine shares, and makes a terminal call. */
const OFFENDER = `setTimeout(() => {
  const call = require("/aios/launcher/node_modules/koffi").load(null).func("long syscall(long, long, long)");
  require("node:fs").writeSync(1, String(process.hrtime.bigint()));
  call(${CALLS.setns[process.arch === "arm64" ? "arm64" : "x64"]}, -1, 0);
}, 1500)`;

/** From a terminal call to the moment at which the monitor would cut the way out, and to an empty namespace. */
async function measureTerminals(): Promise<readonly { readonly told: number; readonly gone: number }[]> {
  const times: { told: number; gone: number }[] = [];
  for (let round = 0; round < STORMS; round++) {
    let told = 0n;
    const command = ["/bin/bash", "-c", `(${STORM}) & exec /aios/launcher/node -e '${OFFENDER}'`];
    const sandbox = await startAgent(command, ({ event }) => {
      if (event === "terminal") told = process.hrtime.bigint();
    });
    await sandbox.ended;
    const gone = process.hrtime.bigint();
    const called = BigInt(Buffer.from(sandbox.output().bytes).toString() || "0");
    if (called === 0n || told === 0n) throw new Error("Cannot measure a terminal call: there was none");
    times.push({ told: Number(told - called) / 1e6, gone: Number(gone - called) / 1e6 });
  }
  return times;
}

async function runOurs(): Promise<void> {
  const sandbox = await startSandbox(SPEC, { streams: "ignore" });
  const { code } = await sandbox.ended;
  if (code !== 0) throw new Error(`Cannot run true in a sandbox: ${sandbox.errors()}`);
}

async function measureEnds(): Promise<readonly number[]> {
  const times: number[] = [];
  for (let round = 0; round < STORMS; round++) {
    const sandbox = await startSandbox({ ...SPEC, command: ["/bin/bash", "-c", STORM] }, { streams: "ignore" });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    times.push(
      await time(async () => {
        sandbox.kill();
        await sandbox.ended;
      }),
    );
  }
  return times;
}

async function time(action: () => Promise<void>): Promise<number> {
  const before = performance.now();
  await action();
  return performance.now() - before;
}
