import { Refusal } from "./faults.ts";
import { rememberBeginning } from "./brought.ts";
import type { LiveInstance } from "./live.ts";
import { enlist } from "./parts.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, WORKSPACE } from "./sandbox-plans.ts";
import { hintOf } from "./run-refusals.ts";
import { planStorage } from "./storage-plan.ts";

/** How long a storage device may take to note how it left everything, milliseconds. */
const LAST_NOTES_MS = 10_000;

/**
 * Starts the storage device of an instance whose agent may write in its workspace, and no other. Resolves when there is the
 * live instance's `storageEnd`; whoever hands that on, or does not come to it, closes it. `stands`: the device runs.
 * `onFault` is called when it ends as it should not.
 */
export async function startStorage(
  live: LiveInstance,
  {
    powers,
    code,
    onFault,
  }: { readonly powers: MonitorPowers; readonly code: CodeLayout; readonly onFault: () => void },
): Promise<{ readonly stands: Promise<void> }> {
  const { instance, workspace } = live.state;
  if (workspace === null || live.sandbox.mode !== "write") return { stands: Promise.resolve() };
  powers.requireGuard();
  const { folder, turns } = await powers.makeUndoFolder(instance);
  const [inner, outer] = powers.makeSocketEnds();
  live.storageEnd = outer;
  const start = async (): Promise<void> => {
    const roots = [{ host: workspace, inside: WORKSPACE }];
    const obeyed = await powers.findGitObeyed(workspace).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : `Cannot use workspace ${workspace}`;
      throw new Refusal("workspace", `${message}.`, hintOf(error));
    });
    const tips = await powers.readGitTips(workspace);
    rememberBeginning(live.state, { tips, open: live.sandbox.open, obeyed });
    const plan = planStorage(code, { undo: folder, turns, roots, open: live.sandbox.open, obeyed });
    live.storage = await enlist(live, "storage", () => powers.startSandbox(plan, "ignore", [inner]));
    void live.storage.ended.then(({ code: exit }) => {
      if (exit !== 0) onFault();
    });
  };
  return { stands: start().finally(() => inner.close()) };
}

/** After the agent is gone: waits until its device has noted how it left everything, and ends one that does not. */
export async function endStorage(live: LiveInstance, powers: Pick<MonitorPowers, "timer" | "stops">): Promise<void> {
  const { storage } = live;
  if (storage === null) return;
  // It may be frozen, or about to be.
  if (live.stopping !== null) {
    await live.stopping;
    powers.stops.letGo([storage]);
  }
  const cancel = powers.timer.after(LAST_NOTES_MS, () => storage.kill());
  await storage.ended;
  cancel();
}
