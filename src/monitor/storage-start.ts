import { Refusal } from "./faults.ts";
import { rememberBeginning } from "./brought.ts";
import type { LiveInstance, Storage } from "./live.ts";
import { enlist, isStopped } from "./parts.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import type { MonitorPowers } from "./powers.ts";
import { type CodeLayout, WORKSPACE } from "./sandbox-plans.ts";
import { hintOf } from "./run-refusals.ts";
import { planStorage } from "./storage-plan.ts";

/** How long a storage device may take to note how it left everything, milliseconds. */
const LAST_NOTES_MS = 10_000;

const NOT_NOW = "nothing may be written for this instance now";

interface StoragePorts {
  readonly powers: MonitorPowers;
  readonly code: CodeLayout;
}

/** Instances whose storage devices are not gone, those that stand in for an ended one too. */
const served = new Set<LiveInstance>();

/** Instances of which something may write in a workspace now, beside those whose agents do. */
export function storageUsers(): Iterable<LiveInstance> {
  return served;
}

/**
 * The storage device of an instance, which is begun where there is none: one for the agent and all servers, so that what they
 * do in one folder is undone in the order in which they did it. Throws when the instance is being ended, has no workspace, or
 * this machine cannot guard one.
 */
export function storageOf(live: LiveInstance, { powers, code }: StoragePorts): Storage {
  const { workspace, instance } = live.state;
  if (isStopped(live) || workspace === null) throw new Error(NOT_NOW);
  if (live.storage !== null) return live.storage;
  powers.requireGuard();
  const [inner, control] = powers.makeSocketEnds();
  let isOpen = true;

  function close(): void {
    isOpen = false;
    control.close();
  }

  async function begin(host: string): Promise<SandboxedProcess> {
    const { folder, turns } = await powers.makeUndoFolder(instance);
    const roots = [{ host, inside: WORKSPACE }];
    const obeyed = await powers.findGitObeyed(host).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : `Cannot use workspace ${host}`;
      throw new Refusal("workspace", `${message}.`, hintOf(error));
    });
    const tips = await powers.readGitTips(host);
    rememberBeginning(live.state, { tips, open: live.sandbox.open, obeyed });
    const plan = planStorage(code, { undo: folder, turns, roots, open: live.sandbox.open, obeyed });
    return await enlist(live, "storage", () => powers.startSandbox(plan, "ignore", [inner]));
  }

  function over(): void {
    close();
    served.delete(live);
    // The next that needs one begins another, with a store of its own.
    if (live.storage === storage) live.storage = null;
  }

  const stands = begin(workspace).finally(() => inner.close());
  const storage: Storage = {
    stands,
    process: null,
    join(actor) {
      if (!isOpen) throw new Error(NOT_NOW);
      return powers.joinStorage(control, { actor });
    },
    close,
  };
  served.add(live);
  live.storage = storage;
  stands.then((process) => {
    storage.process = process;
    void process.ended.finally(over);
  }, over);
  return storage;
}

/**
 * Begins what an agent that may write in its workspace needs, and no other. It has the live instance's `storageEnd` then; whoever
 * hands that on, or does not come to it, closes it. `stands`: the device runs. `onFault` is called when it ends as it should not.
 */
export function startStorage(
  live: LiveInstance,
  { onFault, ...ports }: StoragePorts & { readonly onFault: () => void },
): { readonly stands: Promise<unknown> } {
  if (live.state.workspace === null || live.sandbox.mode !== "write") return { stands: Promise.resolve() };
  const storage = storageOf(live, ports);
  live.storageEnd = storage.join("agent");
  storage.stands.then(
    (process) =>
      void process.ended.then(({ code: exit }) => {
        if (exit !== 0) onFault();
      }),
    () => {},
  );
  return { stands: storage.stands };
}

/** After all that it acts for are gone: waits until the device has noted how it left everything, and ends one that does not. */
export async function endStorage(live: LiveInstance, powers: Pick<MonitorPowers, "timer" | "stops">): Promise<void> {
  const { storage } = live;
  if (storage === null) return;
  storage.close();
  const process = await storage.stands.catch(() => null);
  if (process === null) return;
  // It may be frozen, or about to be.
  if (live.stopping !== null) {
    await live.stopping;
    powers.stops.letGo([process]);
  }
  const cancel = powers.timer.after(LAST_NOTES_MS, () => process.kill());
  await process.ended;
  cancel();
}
