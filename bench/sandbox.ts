import { spawn } from "node:child_process";
import { startSandbox } from "../src/platform/sandbox-process.ts";
import type { SandboxSpec } from "../src/sandbox/spec.ts";
import type { Row } from "./row.ts";

const ROUNDS = 60;
const STORMS = 10;
const STORM_SIZE = 200;

const SPEC: SandboxSpec = {
  role: "exec",
  command: ["/usr/bin/true"],
  cwd: "/tmp",
  environment: { PATH: "/usr/bin:/bin" },
  mounts: [],
  channels: 0,
  programs: "any",
  terminal: false,
  network: "none",
  limits: { processes: STORM_SIZE + 20, openFiles: 256, fileBytes: 1 << 20, memoryBytes: 512 << 20 },
};

/** bubblewrap with the namespaces and mounts that a sandbox has, and none of our filter, limits, gate or second lock. */
const BARE = (
  "--unshare-all --unshare-user --die-with-parent --new-session --clearenv --ro-bind /usr /usr " +
  "--symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin --proc /proc --dev /dev " +
  "--tmpfs /tmp --tmpfs /home/agent --cap-drop ALL --uid 1000 --gid 1000 /usr/bin/true"
).split(" ");

/** Measures starts and ends of sandboxes. Refuses root, which has none. */
export async function run(): Promise<readonly Row[]> {
  const ours: number[] = [];
  const bare: number[] = [];
  // Taken in turns, so that what else the machine does falls on both.
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await time(runBare));
    ours.push(await time(runOurs));
  }
  const ratio = median(ours) / median(bare);
  const ends = await measureEnds();
  return [
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
      what: `end of a storm of ${STORM_SIZE} processes, slowest of ${STORMS}`,
      value: Math.max(...ends),
      unit: "ms",
      bar: "≤ 500",
      met: Math.max(...ends) <= 500,
      note: "kill() to an empty namespace",
    },
  ];
}

async function runOurs(): Promise<void> {
  const sandbox = await startSandbox(SPEC, { streams: "ignore" });
  const { code } = await sandbox.ended;
  if (code !== 0) throw new Error(`Cannot run true in a sandbox: ${sandbox.errors()}`);
}

function runBare(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("/usr/bin/bwrap", BARE, { stdio: ["ignore", "ignore", "pipe"], env: {} });
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`bubblewrap ended with ${code}`))));
  });
}

async function measureEnds(): Promise<readonly number[]> {
  const storm = "while :; do setsid sh -c 'setsid sleep 60 & sleep 0.01' 2>/dev/null & wait -n 2>/dev/null; done";
  const times: number[] = [];
  for (let round = 0; round < STORMS; round++) {
    const sandbox = await startSandbox({ ...SPEC, command: ["/bin/bash", "-c", storm] }, { streams: "ignore" });
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

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
