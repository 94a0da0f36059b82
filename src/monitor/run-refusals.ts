import { Refusal } from "./faults.ts";
import { foldName, standingOf } from "../sandbox/control-names.ts";
import type { MonitorPowers } from "./powers.ts";
import type { InstanceSandbox } from "./sandbox-grant.ts";
import type { InstanceState } from "./state.ts";

/** The ancestry of an instance that is started below another. Throws Refusal when that one cannot delegate. */
export function ancestryBelow({ instance, life, ancestry }: InstanceState): readonly string[] {
  if (life !== "running")
    throw new Refusal("unknown-instance", `Parent ${instance} is ${life}.`, "Start it again first.");
  if (ancestry.length >= 8)
    throw new Refusal("too-many", `Parent ${instance} is eight levels deep already.`, "Delegate from higher up.");
  return [instance, ...ancestry];
}

/** Whether an instance ended because somebody asked for it. */
export function isAskedEnd({ why }: InstanceState): boolean {
  return why === "killed" || why === "ancestor-ended";
}

/** Why an agent could not be started; `stopped`: by whom it was stopped meanwhile. */
export function startFailure(error: unknown, stopped: string | null): Refusal {
  if (stopped !== null)
    return new Refusal("confinement", `It was stopped while it started: ${stopped}.`, "Run `aios ps --all`.");
  if (error instanceof Refusal) return error;
  const message = error instanceof Error ? error.message : "The sandbox could not be made.";
  return new Refusal("confinement", message, hintOf(error));
}

/** A delegate works within the folder of its delegator (CHILD-LESS). Throws Refusal `workspace`. */
export function refuseWider(workspace: string, parent: InstanceState): void {
  if (parent.workspace !== null && `${workspace}/`.startsWith(`${parent.workspace}/`)) return;
  throw new Refusal(
    "workspace",
    `Workspace ${workspace} is not within that of ${parent.instance} above it.`,
    "A delegate gets no more than its delegator.",
  );
}

/**
 * Throws Refusal `workspace` when this folder cannot be an agent's. Control names are told apart below a workspace only, so one
 * that lies in what other tools obey, `.github/workflows` say, would hold nothing that is guarded: it is not written in.
 */
export async function refuseWorkspace(
  workspace: string,
  { mode, open }: Pick<InstanceSandbox, "mode" | "open">,
  powers: Pick<MonitorPowers, "workspaceProblem">,
): Promise<void> {
  const problem = await powers.workspaceProblem(workspace, mode);
  if (problem !== null) throw new Refusal("workspace", problem.message, problem.hint);
  if (mode !== "write") return;
  const opened = new Set(open.map(foldName));
  const standing = standingOf(workspace.slice(1), { entry: "folder", opened });
  if (standing.kind === "free") return;
  const why = standing.kind === "control" ? `: ${standing.why}` : "";
  throw new Refusal(
    "workspace",
    `Cannot use workspace ${workspace}: other tools obey what lies there${why}.`,
    "Start the agent in the project's own folder. What it may write of such files, a grant opens by name (sandbox.open).",
  );
}

/** The hint of an error that has one; else where to look. */
export function hintOf(error: unknown): string {
  return error instanceof Error && "hint" in error && typeof error.hint === "string"
    ? error.hint
    : "Run `aios doctor`.";
}
