import type { Journal } from "./journal.ts";
import type { Log } from "./log/log.ts";
import type { MonitorPowers } from "./powers.ts";

/** How often a log that failed is tried again. */
const RECOVER_MS = 1000;

/** Writes through to the journal; after a failed write tries until the log works again, so that work resumes by itself. */
export function recovering(
  { log, powers }: { readonly log: Pick<Log, "recover">; readonly powers: Pick<MonitorPowers, "timer"> },
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
