import { pagesOfHeld } from "../protocol/held-view.ts";
import type { HeldView, InstanceView } from "../protocol/requests.ts";
import type { LogTrouble } from "../protocol/log-trouble.ts";
import type { AwayView } from "../protocol/away-requests.ts";
import type { RecoveryPending } from "../protocol/owner-requests.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";
import { listEqual, type HeldLine } from "./held.ts";
import type { StageSeen } from "./top-screen.ts";

/** What is known of the instances and of what is held; everything else asks for it when it draws. */
export interface TopFeed {
  readonly instances: readonly InstanceView[];
  /** Equal ones are one line; oldest first. */
  readonly held: readonly HeldLine[];
  readonly stages: ReadonlyMap<string, StageSeen>;
  readonly allFrozen: number | null;
  readonly recovering: RecoveryPending | null;
  /** What a record takes until it is durable, milliseconds, while the log is slow; else null. */
  readonly slowLog: number | null;
  /** Why the log takes no records, or null. */
  readonly log: LogTrouble | null;
  /** The stretch in which nobody is there to be asked, while it is one. */
  readonly away: AwayView | null;
  /** Asks anew for everything. */
  refresh(): void;
}

/** Instances are asked for at most so often, however much happens, milliseconds. */
const ASK_MS = 150;
/** A watcher that was slow to read loses events; what it missed is found so, milliseconds. */
const RESYNC_MS = 10_000;
/** Records after which the list of instances, or its counts, are others. */
const QUIET: ReadonlySet<LogRecord["kind"]> = new Set(["programs-started", "files-written", "calls-refused", "intent"]);

/**
 * Follows the monitor over one connection that watches: what is held is told, and the instances are asked for when a record says
 * that something about them changed. Events and answers come in the order in which the monitor gave them, so an answer
 * takes the place of everything that was known before it. `onChange` is called after each change, `onHeld` when an action begins
 * to wait, `onGone` when the connection is lost.
 */
export async function followTop(
  { client, timer }: { readonly client: MonitorClient; readonly timer: CliPowers["timer"] },
  { onChange, onHeld, onGone }: { onChange(): void; onHeld(held: HeldView): void; onGone(error: unknown): void },
): Promise<TopFeed> {
  const held = new Map<string, HeldView>();
  const stages = new Map<string, StageSeen>();
  let instances: readonly InstanceView[] = [];
  let sorted: readonly HeldLine[] | null = null;
  let allFrozen: number | null = null;
  let recovering: RecoveryPending | null = null;
  let slowLog: number | null = null;
  let log: LogTrouble | null = null;
  let away: AwayView | null = null;
  let asking = false;
  let again = false;

  const ask = async (): Promise<void> => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const answer = await client.request("ps", { all: false });
      instances = answer.instances;
      allFrozen = answer.allFrozen;
      log = answer.log;
      const { slow, millis } = await client.request("log-pace", {});
      slowLog = slow ? millis : null;
      ({ away } = await client.request("away", {}));
      const known = new Set(instances.map(({ instance }) => instance));
      for (const instance of stages.keys()) if (!known.has(instance)) stages.delete(instance);
      onChange();
    } catch (error) {
      onGone(error);
      return;
    }
    timer.after(ASK_MS, () => {
      asking = false;
      if (!again) return;
      again = false;
      void ask();
    });
  };
  const askHeld = async (): Promise<void> => {
    const before = new Set(held.keys());
    for await (const page of pagesOfHeld((body) => client.request("held", body))) {
      for (const view of page.held) {
        held.set(view.digest, view);
        before.delete(view.digest);
      }
      sorted = null;
      onChange();
    }
    // What was there and was not named is over.
    for (const digest of before) held.delete(digest);
    sorted = null;
    onChange();
  };
  const resync = (): void => {
    void ask();
    askHeld().then(() => timer.after(RESYNC_MS, resync), onGone);
  };

  // Else it would be found with the next question, up to ten seconds later.
  client.onEnd(onGone);
  client.onEvent("recovering", ({ pending }) => {
    recovering = pending;
    onChange();
  });
  client.onEvent("held", ({ held: view }) => {
    held.set(view.digest, view);
    sorted = null;
    onHeld(view);
    onChange();
  });
  client.onEvent("record", ({ record }) => {
    // An action that was denied or begun is not held any more.
    if ((record.kind === "denied" || record.kind === "intent") && held.delete(record.action)) {
      sorted = null;
      onChange();
    }
    if (!QUIET.has(record.kind)) void ask();
  });
  client.onEvent("stage", ({ instance, what, stage, verdict }) => {
    stages.set(instance, { what, stage, verdict });
    onChange();
  });
  await client.request("watch", { instance: null });
  resync();
  return {
    get instances() {
      return instances;
    },
    get held() {
      return (sorted ??= listEqual([...held.values()].toSorted((one, other) => one.since - other.since)));
    },
    stages,
    get recovering() {
      return recovering;
    },
    get slowLog() {
      return slowLog;
    },
    get log() {
      return log;
    },
    get away() {
      return away;
    },
    get allFrozen() {
      return allFrozen;
    },
    refresh: () => void ask(),
  };
}
