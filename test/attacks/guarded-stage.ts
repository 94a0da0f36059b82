import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planStorage } from "../../src/monitor/storage-plan.ts";
import { startSandbox, type StartedSandbox } from "../../src/platform/sandbox/sandbox-process.ts";
import { makeSocketEnds } from "../../src/platform/channels/socket-end.ts";
import { joinStorage } from "../../src/platform/workspace/storage-joining.ts";
import type { WardNews } from "../../src/platform/sandbox/supervisor-link.ts";
import { harmlessSpec, type Stage } from "./sandbox-stage.ts";

const ATTACKER_INSIDE = "/aios/workspace-attacker.ts";
/** Read before the stage becomes an ordinary user. */
const ATTACKER = readFileSync(join(import.meta.dirname, "workspace-attacker.ts"), "utf8");

/** What a command in a guarded workspace came to. */
export interface GuardedRun {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  readonly news: readonly WardNews[];
  /** Host folder of what was kept. */
  readonly undo: string;
}

export interface GuardedStart {
  readonly command: readonly string[];
  /** Host folder that is /workspace inside. */
  readonly workspace: string;
  /** `off`: the folder is simply mounted writable, as it is without the defence. */
  readonly guard: "on" | "off";
  /** Paths in it that git obeys by its configuration. */
  readonly obeyed?: readonly string[];
  /** A terminal for its streams; otherwise what it says is kept. */
  readonly terminal?: number;
}

/** A fresh folder in the stage, ours. */
export function makeWorkspace(stage: Stage): string {
  return mkdtempSync(join(stage.folder, "ws-"));
}

/** Starts a command as an agent with a writable workspace, guarded by a storage device of its own. */
export async function startGuarded(
  stage: Stage,
  { command, workspace, guard, obeyed = [], terminal }: GuardedStart,
): Promise<{
  readonly agent: StartedSandbox;
  /** Null with the guard off. */
  readonly device: StartedSandbox | null;
  readonly news: WardNews[];
  readonly undo: string;
  /** Resolves when both have ended; rejects when the device did not end well. */
  end(): Promise<void>;
}> {
  const news: WardNews[] = [];
  const undo = mkdtempSync(join(stage.folder, "undo-"));
  const turns = join(stage.folder, "turns");
  writeFileSync(turns, "");
  const base = harmlessSpec(stage);
  const spec = {
    ...base,
    command,
    cwd: "/workspace",
    mounts: [
      ...base.mounts,
      { kind: "text", inside: ATTACKER_INSIDE, text: ATTACKER } as const,
      { kind: "write", host: workspace, inside: "/workspace" } as const,
    ],
    limits: { ...base.limits, memoryBytes: 2 * 1024 ** 3, processes: 256, openFiles: 1024 },
  };
  const agent = { launcher: stage.launcher, supervisor: stage.supervisor, hear: (each: WardNews) => news.push(each) };
  if (guard === "off") {
    const started = await startSandbox(spec, { streams: "capture", agent });
    return { agent: started, device: null, news, undo, end: async () => void (await started.ended) };
  }
  const [inner, control] = makeSocketEnds();
  const outer = joinStorage(control, { actor: "agent" });
  const code = { node: stage.node, root: stage.folder };
  const device = await startSandbox(
    planStorage(code, { undo, turns, roots: [{ host: workspace, inside: "/workspace" }], open: [], obeyed }),
    {
      streams: "ignore",
      ends: [inner],
    },
  );
  inner.close();
  control.close();
  const streams =
    terminal === undefined ? "capture" : ({ stdin: terminal, stdout: terminal, stderr: terminal } as const);
  const started = await startSandbox(
    { ...spec, guarded: ["/workspace"], terminal: terminal !== undefined },
    { streams, agent: { ...agent, device: outer } },
  ).finally(() => outer.close());
  return {
    agent: started,
    device,
    news,
    undo,
    async end() {
      await started.ended;
      const { code: left } = await device.ended;
      if (left !== 0) throw new Error(`the storage device ended with ${left}: ${device.errors()}`);
    },
  };
}

/** Runs a command to its end. */
export async function runGuarded(stage: Stage, start: GuardedStart): Promise<GuardedRun> {
  const { agent, news, undo, end } = await startGuarded(stage, start);
  const { code } = await agent.ended;
  await end();
  return { code, output: Buffer.from(agent.output().bytes).toString(), errors: agent.errors(), news, undo };
}

/** Runs `workspace-attacker.ts` and reads what it says. */
export async function attackWorkspace(
  stage: Stage,
  { attack, ...start }: Omit<GuardedStart, "command"> & { readonly attack: { readonly [name: string]: unknown } },
): Promise<GuardedRun & { readonly results: readonly string[] }> {
  const command = ["/aios/node", "--disable-warning=ExperimentalWarning", ATTACKER_INSIDE, JSON.stringify(attack)];
  const run = await runGuarded(stage, { ...start, command });
  if (run.output === "") throw new Error(`the attacker said nothing: ${run.code} ${run.errors}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own attacker wrote it
  return { ...run, results: JSON.parse(run.output) as readonly string[] };
}
