import { isDiskOut } from "./log/disk-out.ts";
import { LogError } from "./log/error.ts";
import type { OwingJournal } from "./journal.ts";
import type { Log } from "./log/log.ts";
import type { MonitorPowers } from "./powers.ts";

/** How often a log that failed is tried again. */
const RECOVER_MS = 1000;

const GONE = "Cannot write the log: the home is not at its place any more";

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
  }: {
    readonly log: Pick<Log, "recover">;
    readonly powers: Pick<MonitorPowers, "timer" | "homeStands">;
    /** Nothing is owed any more: the log has taken it. */
    logWorks(): void;
    /** Nothing of the log's disk may stay open: it has to be taken out. */
    diskIsOut(): void;
  },
  journal: OwingJournal,
): OwingJournal {
  let trying = false;
  /** Writes that failed so far. */
  let failures = 0;
  const retry = async (): Promise<void> => {
    const before = failures;
    if (!powers.homeStands()) throw gone();
    await log.recover();
    await journal.pay();
    if (failures !== before) throw gone();
    trying = false;
    logWorks();
  };
  const later = (): void => {
    powers.timer.after(RECOVER_MS, () => {
      retry().catch((error: unknown) => {
        if (isDiskOut(error)) diskIsOut();
        later();
      });
    });
  };
  return {
    ...journal,
    async write(body, payload) {
      try {
        // What is written into a folder that was removed, or beside one that was moved, is no evidence of anything.
        if (!powers.homeStands()) throw gone();
        return await journal.write(body, payload);
      } catch (error) {
        failures++;
        if (!trying) later();
        trying = true;
        throw error;
      }
    },
  };
}

function gone(): LogError {
  return new LogError("log-unavailable", GONE);
}
