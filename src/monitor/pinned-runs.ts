import type { DriverSpec } from "../kernel/grant.ts";
import type { ServerEnd } from "../protocol/server-climb.ts";
import type { OwingJournal } from "./journal.ts";
import type { LiveInstance } from "./live.ts";
import { writeUntilKept } from "./stopping.ts";

/** One run of a server for one instance, from before its first sandbox begins. */
export interface PinnedRun {
  readonly live: LiveInstance;
  /** The server's name in the grant. */
  readonly driver: string;
  readonly spec: Pick<DriverSpec, "pin" | "source">;
  /** Kills what it has, also what it is still being started with. */
  end(): void;
}

/** All servers that run or are being started, of every instance. */
export interface PinnedRuns {
  add(run: PinnedRun): void;
  delete(run: PinnedRun): void;
  /**
   * Ends every run of what was put into quarantine, in this turn, and records each. A prohibited call puts the extension
   * into quarantine too, so that what other grants signed of it ends as well.
   */
  end(spec: PinnedRun["spec"], code: ServerEnd): void;
}

export function createPinnedRuns(journal: OwingJournal): PinnedRuns {
  const runs = new Set<PinnedRun>();
  return {
    add: (run) => void runs.add(run),
    delete: (run) => void runs.delete(run),
    end(spec, code) {
      for (const run of [...runs].filter((each) => isSame(each.spec, spec, code))) {
        runs.delete(run);
        run.end();
        // What its instance had has ended with it, or is about to.
        if (run.live.over) continue;
        const { instance, agent } = run.live.state;
        const { driver } = run;
        void writeUntilKept({ journal }, { kind: "driver-ended", instance, agent, driver, pin: run.spec.pin, code });
      }
    },
  };
}

function isSame(a: PinnedRun["spec"], b: PinnedRun["spec"], code: ServerEnd): boolean {
  if (a.pin === b.pin) return true;
  if (code !== "prohibited-call" || a.source.kind !== "ext" || b.source.kind !== "ext") return false;
  return a.source.extension === b.source.extension;
}
