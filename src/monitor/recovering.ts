import { LogError } from "./log/error.ts";
import type { Journal } from "./journal.ts";
import type { Log } from "./log/log.ts";
import type { MonitorPowers } from "./powers.ts";

/** How often a log that failed is tried again. */
const RECOVER_MS = 1000;

const GONE = "Cannot write the log: the home is not at its place any more";

/**
 * Writes through to the journal, as long as the home is where it was; after a failed write tries until the log works again,
 * so that work resumes by itself.
 */
export function recovering(
  { log, powers }: { readonly log: Pick<Log, "recover">; readonly powers: Pick<MonitorPowers, "timer" | "homeStands"> },
  journal: Journal,
): Journal {
  let trying = false;
  const retry = (): void => {
    log.recover().then(
      () => {
        trying = false;
      },
      () => void powers.timer.after(RECOVER_MS, retry),
    );
  };
  return {
    ...journal,
    async write(body, payload) {
      // What is written into a folder that was removed, or beside one that was moved, is no evidence of anything.
      if (!powers.homeStands()) throw new LogError("log-unavailable", GONE);
      try {
        return await journal.write(body, payload);
      } catch (error) {
        if (!trying) {
          trying = true;
          powers.timer.after(RECOVER_MS, retry);
        }
        throw error;
      }
    },
  };
}
