import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planStorage } from "../src/monitor/storage-plan.ts";
import { readLauncherFiles } from "../src/platform/sandbox/launcher-files.ts";
import { startSandbox } from "../src/platform/sandbox/sandbox-process.ts";
import { joinStorage } from "../src/platform/workspace/storage-joining.ts";
import { makeSocketEnds } from "../src/platform/channels/socket-end.ts";
import { createSupervisor } from "../src/platform/sandbox/supervisor-link.ts";
import type { SandboxSpec } from "../src/sandbox/spec.ts";
import { median, type Row } from "./row.ts";

const ROUNDS = 5;
/** Calls of each kind in one run. */
const CALLS = 2000;
const ROOT = realpathSync(join(import.meta.dirname, ".."));
const NODE = realpathSync(process.execPath);
const LAUNCHER = readLauncherFiles(ROOT, NODE);
const SUPERVISOR = createSupervisor([
  NODE,
  "--max-semi-space-size=1",
  "--disable-warning=ExperimentalWarning",
  join(ROOT, "src/main/supervisor.ts"),
]);

/** What is timed, in the order of the answers: microseconds for one call and its close. */
const KINDS = ["make a file", "open one for writing", "rename", "remove", "open in /tmp for writing", "read"] as const;
const SCRIPT = `
import json, os, time
def timed(action, names):
    begin = time.perf_counter()
    for name in names:
        action(name)
    return (time.perf_counter() - begin) * 1e6 / len(names)
def opened(flags):
    return lambda name: os.close(os.open(name, flags, 0o644))
names = ["f%d" % i for i in range(${CALLS})]
open("/tmp/x", "w").close()
print(json.dumps([
    timed(opened(os.O_WRONLY | os.O_CREAT | os.O_EXCL), names),
    timed(opened(os.O_WRONLY), names),
    timed(lambda name: os.rename(name, name + "n"), names),
    timed(lambda name: os.unlink(name + "n"), names),
    timed(opened(os.O_WRONLY), ["/tmp/x"] * ${CALLS}),
    timed(opened(os.O_RDONLY), ["/tmp/x"] * ${CALLS}),
]))
`;

/** Measures what guarding a workspace costs a call, and a start. Refuses root, which has no sandbox. */
export async function run(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "aios-bench-"));
  const runs = { on: [] as Timed[], off: [] as Timed[] };
  try {
    await SUPERVISOR.ready();
    for (let round = 0; round < ROUNDS; round++) {
      for (const guard of ["off", "on"] as const) runs[guard].push(await runOnce(folder, guard));
    }
  } finally {
    SUPERVISOR.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const at = (guard: "on" | "off", place: number): number => median(runs[guard].map(({ costs }) => costs[place] ?? 0));
  return [
    ...KINDS.map((what, place): Row => {
      const [on, off] = [at("on", place), at("off", place)];
      const note = `${off.toPrecision(3)} µs without the guard; median of ${ROUNDS} runs of ${CALLS}`;
      return { what: `guarded workspace: ${what}`, value: on, unit: "µs", bar: "", met: null, note };
    }),
    {
      what: "start of the storage device",
      value: median(runs.on.map(({ device }) => device)),
      unit: "ms",
      bar: "",
      met: null,
      note: "beside the face's start",
    },
  ];
}

interface Timed {
  readonly costs: readonly number[];
  /** Milliseconds until the device was confined and its program began. */
  readonly device: number;
}

async function runOnce(folder: string, guard: "on" | "off"): Promise<Timed> {
  const workspace = mkdtempSync(join(folder, "work-"));
  const undo = mkdtempSync(join(folder, "undo-"));
  const spec: SandboxSpec = {
    role: "agent",
    command: ["python3", "-c", SCRIPT],
    cwd: "/workspace",
    environment: { PATH: "/usr/bin:/bin" },
    mounts: [{ kind: "write", host: workspace, inside: "/workspace" }],
    channels: 0,
    published: false,
    programs: "any",
    ...(guard === "on" && { guarded: ["/workspace"] }),
    terminal: false,
    network: "none",
    limits: { processes: 64, openFiles: 256, fileBytes: 1 << 30, memoryBytes: 2 * 1024 ** 3 },
  };
  const turns = join(folder, "turns");
  writeFileSync(turns, "");
  const before = performance.now();
  const [inner, control] = makeSocketEnds();
  const outer = joinStorage(control, { actor: "agent" });
  const roots = [{ host: workspace, inside: "/workspace" }];
  const plan = planStorage({ node: NODE, root: ROOT }, { undo, turns, roots, open: [], obeyed: [] });
  const device = guard === "off" ? null : await startSandbox(plan, { streams: "ignore", ends: [inner] });
  const ready = performance.now() - before;
  inner.close();
  control.close();
  const agent = {
    launcher: LAUNCHER,
    supervisor: SUPERVISOR,
    hear: () => {},
    ...(device !== null && { device: outer }),
  };
  const started = await startSandbox(spec, { streams: "capture", agent }).finally(() => outer.close());
  await started.ended;
  await device?.ended;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own script wrote it
  return { costs: JSON.parse(Buffer.from(started.output().bytes).toString()) as number[], device: ready };
}
