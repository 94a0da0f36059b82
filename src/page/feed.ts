import type { AwayView } from "../protocol/away-requests.ts";
import { pagesOfHeld } from "../protocol/held-view.ts";
import type { LogTrouble } from "../protocol/log-trouble.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { CliEvents, HeldView, InstanceView } from "../protocol/requests.ts";
import { ask, hasHalf, signedIn, watch } from "./api.ts";
import type { Roles } from "./sign-link.ts";

/** Where an instance's last action stands. */
export type StageSeen = Pick<CliEvents["stage"], "what" | "stage" | "verdict">;

/** What is known of the instances and of what is held, kept by the monitor's events. */
export interface Feed {
  readonly instances: readonly InstanceView[];
  /** By the digest of the action, in the order in which they were held. */
  readonly held: ReadonlyMap<string, HeldView>;
  readonly stages: ReadonlyMap<string, StageSeen>;
  /** The last records, newest first. */
  readonly recent: readonly LogRecord[];
  readonly allFrozen: number | null;
  /** Why the log takes no records, or null. */
  readonly log: LogTrouble | null;
  /** Somebody recovers a lost key: everybody is told. */
  readonly recovering: CliEvents["recovering"]["pending"];
  /** The stretch in which nobody is there to be asked, while it is one. */
  readonly away: AwayView | null;
  readonly roles: Roles;
  readonly connected: boolean;
  refresh(): void;
}

/** Instances are asked for at most so often, however much happens, milliseconds. */
const ASK_MS = 200;
const AGAIN_MS = 1500;
/** What no record tells is found so late: a log that takes none, and what stands still for it. */
const RESYNC_MS = 10_000;
const RECENT = 60;
const QUIET: ReadonlySet<LogRecord["kind"]> = new Set(["programs-started", "files-written", "calls-refused", "intent"]);

/** Records after which there are other owners, or another recovery. */
const OWNERS: ReadonlySet<LogRecord["kind"]> = new Set([
  "owner-enrolled",
  "owner-removed",
  "owner-recovered",
  "recovery-begun",
  "recovery-stopped",
]);

/** Follows the monitor. `changed` is called at most once a frame; `over` when the session has ended. */
export function follow({ changed, over }: { changed(): void; over(): void }): Feed {
  const held = new Map<string, HeldView>();
  const stages = new Map<string, StageSeen>();
  let instances: readonly InstanceView[] = [];
  let recent: LogRecord[] = [];
  let allFrozen: number | null = null;
  let log: LogTrouble | null = null;
  let recovering: CliEvents["recovering"]["pending"] = null;
  let away: AwayView | null = null;
  let roles: Roles = null;
  let connected = false;
  let drawing = false;
  let [asking, again] = [false, false];

  const draw = (): void => {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      changed();
    });
  };
  const failed = (): void => void (hasHalf() || over());
  const askInstances = async (): Promise<void> => {
    if (asking) return void (again = true);
    asking = true;
    try {
      ({ instances, allFrozen, log } = await ask("ps", { all: true }));
      draw();
    } catch {
      failed();
    }
    setTimeout(() => {
      asking = false;
      if (!again) return;
      again = false;
      void askInstances();
    }, ASK_MS);
  };
  const askHeld = async (): Promise<void> => {
    const before = new Set(held.keys());
    for await (const page of pagesOfHeld((body) => ask("held", body))) {
      for (const view of page.held) {
        held.set(view.digest, view);
        before.delete(view.digest);
      }
      draw();
    }
    // What was there and was not named is over.
    for (const digest of before) held.delete(digest);
    draw();
  };
  const askAway = async (): Promise<void> => {
    ({ away } = await ask("away", {}));
    draw();
  };
  const askOwners = async (): Promise<void> => {
    const { owners, recovery } = await ask("owners", {});
    recovering = recovery.pending;
    roles = owners.find(({ id }) => id === signedIn())?.roles ?? null;
    draw();
  };
  const askRecent = async (): Promise<void> => {
    const { size } = await ask("log-show", { from: 0, limit: 1, instance: null, kinds: ["start"] });
    const from = Math.max(0, size - RECENT);
    const { entries } = await ask("log-show", { from, limit: RECENT, instance: null, kinds: [] });
    recent = entries.map(({ record }) => record).toReversed();
    draw();
  };
  const run = async (): Promise<void> => {
    for (;;) {
      try {
        void askInstances();
        Promise.all([askHeld(), askRecent(), askAway(), askOwners()]).catch(failed);
        connected = true;
        await watch({ held: hearHeld, record: hearRecord, stage: hearStage, recovering: hearRecovering });
      } catch {
        if (!hasHalf()) return over();
      }
      connected = false;
      draw();
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  const hearHeld = ({ held: view }: CliEvents["held"]): void => {
    held.set(view.digest, view);
    draw();
  };
  const hearRecovering = ({ pending }: CliEvents["recovering"]): void => {
    recovering = pending;
    draw();
  };
  const hearStage = ({ instance, what, stage, verdict }: CliEvents["stage"]): void => {
    stages.set(instance, { what, stage, verdict });
    draw();
  };
  const hearRecord = ({ record }: CliEvents["record"]): void => {
    recent = [record, ...recent].slice(0, RECENT);
    // An action that was denied or begun is not held any more.
    if (record.kind === "denied" || record.kind === "intent") held.delete(record.action);
    if (OWNERS.has(record.kind)) askOwners().catch(failed);
    if (record.kind === "away-begun" || record.kind === "away-ended") askAway().catch(failed);
    if (!QUIET.has(record.kind)) void askInstances();
    draw();
  };
  void run();
  setInterval(() => connected && void askInstances(), RESYNC_MS);
  return {
    get instances() {
      return instances;
    },
    get recent() {
      return recent;
    },
    get recovering() {
      return recovering;
    },
    get allFrozen() {
      return allFrozen;
    },
    get log() {
      return log;
    },
    get away() {
      return away;
    },
    get roles() {
      return roles;
    },
    get connected() {
      return connected;
    },
    held,
    stages,
    refresh: () => void askInstances(),
  };
}
