import type { UndoFolder } from "../platform/workspace/undo-shelf.ts";
import { parseJson } from "../kernel/json.ts";
import { asJson } from "../protocol/as-json.ts";
import type { CliRequests } from "../protocol/requests.ts";
import { decodeUndoReport, UNDO_LISTED, type UndoAnswer, type UndoReport } from "../protocol/undo-report.ts";
import { lookAtBrought } from "./brought.ts";
import { Refusal } from "./faults.ts";
import type { Instances } from "./instances.ts";
import type { Journal } from "./journal.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, WORKSPACE } from "./sandbox-plans.ts";
import type { InstanceState } from "./state.ts";
import { storageUsers } from "./storage-start.ts";
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
  const kept = await powers.findUndoFolders(instance);
  // Each run asks at its end what it changed; that it was nothing is said whoever writes there, and no device started for it.
  const isOver = state.life === "ended" || state.life === "terminal";
  if (workspace === null || kept.every(({ empty }) => empty && isOver)) return NOTHING;
  await refuseUse(ports, state, workspace);
  const stores = (await powers.findUndoFolders(instance)).filter(({ empty }) => !empty);
  if (stores.length === 0) return NOTHING;
  const look = together(await oneByOne(stores, (store) => ask(ports, { undo: store.folder, workspace, how: "dry" })));
  if (how === "dry") return { ...look, brought: await lookAtBrought(state, workspace, powers) };
  busy.add(workspace);
  try {
    await write(journal, state, { stage: "begun", report: look });
    const reports = await oneByOne(stores, (store) => ask(ports, { undo: store.folder, workspace, how: "do" }));
    const report = together(reports);
    await write(journal, state, { stage: "ended", report });
    for (const [place, { leftCount }] of reports.entries()) {
      const store = stores[place];
      if (leftCount === 0 && store !== undefined) await powers.removeUndoFolder(store);
    }
    return { ...report, brought: null };
  } finally {
    busy.delete(workspace);
  }
}

/** The newest store first, which is undone before the one that it came after. */
async function oneByOne(
  stores: readonly UndoFolder[],
  undo: (store: UndoFolder) => Promise<UndoReport>,
): Promise<readonly UndoReport[]> {
  const reports: UndoReport[] = [];
  for (const store of stores) reports.push(await undo(store));
  return reports;
}

function together(reports: readonly UndoReport[]): UndoReport {
  const sum = (count: (report: UndoReport) => number): number =>
    reports.reduce((total, report) => total + count(report), 0);
  return {
    changes: reports.flatMap(({ changes }) => changes).slice(0, UNDO_LISTED),
    changed: sum(({ changed }) => changed),
    left: reports.flatMap(({ left }) => left).slice(0, UNDO_LISTED),
    leftCount: sum(({ leftCount }) => leftCount),
    noted: reports.every(({ noted }) => noted),
  };
}

/** Two hands in one folder would take each other's work for a person's. */
async function refuseUse(
  { powers, instances }: UndoPorts,
  { instance }: InstanceState,
  workspace: string,
): Promise<void> {
  const writing = [...instances.running()].filter(({ sandbox }) => sandbox.mode === "write");
  const user = [...writing, ...storageUsers()].find(
    ({ state }) => state.workspace !== null && overlaps(state.workspace, workspace),
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
