import { parseJson } from "../kernel/json.ts";
import { asJson } from "../protocol/as-json.ts";
import type { CliRequests } from "../protocol/requests.ts";
import { decodeUndoReport, type UndoAnswer, type UndoReport } from "../protocol/undo-report.ts";
import { lookAtBrought } from "./brought.ts";
import { Refusal } from "./faults.ts";
import type { Instances } from "./instances.ts";
import type { Journal } from "./journal.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, WORKSPACE } from "./sandbox-plans.ts";
import type { InstanceState } from "./state.ts";
import { planUndo } from "./storage-plan.ts";

export interface UndoPorts {
  readonly powers: MonitorPowers;
  readonly journal: Journal;
  readonly instances: Pick<Instances, "running">;
  readonly code: CodeLayout;
}

/** Nothing was kept, so nothing was changed, or all of it was taken back. */
const NOTHING: UndoAnswer = { changes: [], changed: 0, left: [], leftCount: 0, noted: true, brought: null };
const BOUNDS = { maxLength: 1_048_576, maxDepth: 8, maxValues: 100_000 };
/** Workspaces in which something is being put back. */
const busy = new Set<string>();

/**
 * Takes back what an ended instance did to the files of its workspace, or says what that would be. RECORD-FIRST: what is to
 * be put back is recorded before anything is. It adds no authority: what comes back was there before. Throws `Refusal`.
 */
export async function undoInstance(
  ports: UndoPorts,
  { instance, how }: CliRequests["undo"]["body"],
): Promise<UndoAnswer> {
  const { powers, journal } = ports;
  const state = journal.state.instances.get(instance);
  if (state === undefined)
    throw new Refusal("unknown-instance", `There is no instance "${instance}".`, "Run `aios ps --all`.");
  const { workspace } = state;
  const kept = await powers.findUndoFolder(instance);
  // Each run asks at its end what it changed; that it was nothing is said whoever writes there, and no device started for it.
  const isOver = state.life === "ended" || state.life === "terminal";
  if (workspace === null || kept === null || (kept.empty && isOver)) return NOTHING;
  await refuseUse(ports, state, workspace);
  const found = await powers.findUndoFolder(instance);
  if (found === null || found.empty) return NOTHING;
  const undo = found.folder;
  const look = await ask(ports, { undo, workspace, how: "dry" });
  if (how === "dry") return { ...look, brought: await lookAtBrought(state, workspace, powers) };
  busy.add(workspace);
  try {
    await write(journal, state, { stage: "begun", report: look });
    const report = await ask(ports, { undo, workspace, how: "do" });
    await write(journal, state, { stage: "ended", report });
    if (report.leftCount === 0) await powers.removeUndoFolder(instance);
    return { ...report, brought: null };
  } finally {
    busy.delete(workspace);
  }
}

/** Two hands in one folder would take each other's work for a person's. */
async function refuseUse(
  { powers, instances }: UndoPorts,
  { instance }: InstanceState,
  workspace: string,
): Promise<void> {
  const user = [...instances.running()].find(
    (live) =>
      live.sandbox.mode === "write" && live.state.workspace !== null && overlaps(live.state.workspace, workspace),
  );
  if (user !== undefined || busy.has(workspace)) {
    const who = user === undefined ? "another undo" : user.state.instance;
    throw new Refusal(
      "workspace",
      `Cannot undo ${instance}: ${who} still writes in ${workspace}.`,
      "Wait until it has ended, or end it with `aios kill`.",
    );
  }
  const problem = await powers.workspaceProblem(workspace, "undo");
  if (problem !== null) throw new Refusal("workspace", problem.message, problem.hint);
}

function overlaps(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

async function ask(
  { powers, code }: UndoPorts,
  { undo, workspace, how }: { readonly undo: string; readonly workspace: string; readonly how: "dry" | "do" },
): Promise<UndoReport> {
  const roots = [{ host: workspace, inside: WORKSPACE }];
  const said = await powers.readOutput(planUndo(code, { undo, roots, how })).catch((error: unknown) => {
    throw new Refusal(
      "confinement",
      `Cannot undo: ${error instanceof Error ? error.message : "the storage device failed"}.`,
      "Run `aios doctor`.",
    );
  });
  const parsed = parseJson(said, BOUNDS);
  const decoded = parsed.kind === "ok" ? decodeUndoReport(parsed.value) : parsed;
  if (decoded.kind !== "ok") throw new Refusal("confinement", "The storage device gave no report.", "Try it again.");
  const onHost = (path: string): string => workspace + path.slice(WORKSPACE.length);
  return {
    ...decoded.value,
    changes: decoded.value.changes.map(({ what, path }) => ({ what, path: onHost(path) })),
    left: decoded.value.left.map(({ path, why }) => ({ path: onHost(path), why })),
  };
}

async function write(
  journal: Journal,
  { instance, agent }: InstanceState,
  { stage, report }: { readonly stage: "begun" | "ended"; readonly report: UndoReport },
): Promise<void> {
  const { changed, leftCount } = report;
  const payload = asJson(report);
  await journal.write({ kind: "files-undone", instance, agent, stage, count: changed, left: leftCount }, payload);
}
