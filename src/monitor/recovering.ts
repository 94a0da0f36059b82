import { isDiskOut } from "./log/disk-out.ts";
import { LogError } from "./log/error.ts";
import type { OwingJournal } from "./journal.ts";
import type { Log } from "./log/log.ts";
import { logTroubleOf } from "./log-trouble.ts";
import type { MonitorPowers } from "./powers.ts";
import type { LogTrouble } from "../protocol/log-trouble.ts";

/** How often a log that failed is tried again. */
const RECOVER_MS = 1000;

const GONE = "Cannot write the log: the home is not at its place any more";

/** The same journal, of which can be said whether its log takes anything. */
export interface RecoveringJournal extends OwingJournal {
  /** Why the log takes no records, from a write that failed on until one succeeds again; null while it does. */
  trouble(): LogTrouble | null;
  /**
   * Looks whether the log has failed though nobody waits for a write, with what was found of its disk without one: then it is
   * tried again from now on, and a disk that has to be taken out is let go of before anything is asked.
   */
  look(found: Error | null): void;
}

/**
 * Writes through to the journal, as long as the home is where it was; after a failed write tries until the log works again,
 * writes what is owed, and says that it works, so that work resumes by itself.
 */
export function recovering(
  {
    log,
    powers,
    logWorks,
    diskIsOut,
    report,
  }: {
    readonly log: Pick<Log, "recover" | "doubt">;
    readonly powers: Pick<MonitorPowers, "timer" | "homeStands">;
    /** Nothing is owed any more: the log has taken it. */
    logWorks(): void;
    /** Nothing of the log's disk may stay open: it has to be taken out. */
    diskIsOut(): void;
    /** Says what the log's state is now, when it is another. */
    report(words: string): void;
  },
  journal: OwingJournal,
): RecoveringJournal {
  let trying = false;
  let trouble: LogTrouble | null = null;
  const noteTrouble = (found: LogTrouble | null): void => {
    if (found?.code !== trouble?.code)
      report(found === null ? "the log can be written again" : `${found.message} (${found.code}); ${found.hint}`);
    trouble = found;
  };
  /** Writes that failed so far. */
  let failures = 0;
  const retry = async (): Promise<void> => {
    const before = failures;
    if (!powers.homeStands()) throw gone();
    await log.recover();
    await journal.pay();
    if (failures !== before) throw gone();
    trying = false;
    noteTrouble(null);
    logWorks();
  };
  const begin = (): void => {
    failures++;
    if (!trying) later();
    trying = true;
  };
  const later = (): void => {
    powers.timer.after(RECOVER_MS, () => {
      retry().catch((error: unknown) => {
        noteTrouble(logTroubleOf(error));
        if (isDiskOut(error)) diskIsOut();
        later();
      });
    });
  };
  return {
    ...journal,
    trouble: () => trouble,
    look(found) {
      if (trying || !powers.homeStands()) return;
      const failure = log.doubt(found);
      if (failure === null) return;
      noteTrouble(logTroubleOf(failure));
      begin();
    },
    async write(body, payload) {
      try {
        // What is written into a folder that was removed, or beside one that was moved, is no evidence of anything.
        if (!powers.homeStands()) throw gone();
        return await journal.write(body, payload);
      } catch (error) {
        if (!trying && !isOfOneRecord(error)) noteTrouble(logTroubleOf(error));
        begin();
        throw error;
      }
    },
  };
}

/** The log refused what it was given and takes everything else. */
function isOfOneRecord(error: unknown): boolean {
  return error instanceof LogError && error.code === "record-too-large";
}

function gone(): LogError {
  return new LogError("log-unavailable", GONE, { cause: new LogError("log-away", GONE) });
}
