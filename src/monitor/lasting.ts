import { openUntil } from "../kernel/hours.ts";
import type { Timer } from "../platform/powers.ts";
import type { Journal } from "./journal.ts";

/** What a timer can say, about 23 days; what lasts longer is looked at again then. */
const MOST_MS = 2_000_000_000;

/**
 * Waits for what lasts as long as its grants: it is cut when the first of them ends or its hours do, and its driver then
 * says what came of it until there. A grant that is not in force any more has ended.
 */
export function untilGrantsEnd<T>(
  promise: Promise<T>,
  call: {
    readonly grants: readonly string[];
    readonly cancel: () => void;
    readonly ports: { readonly journal: Journal; readonly powers: { readonly timer: Timer }; now(): number };
  },
): Promise<T> {
  const { journal, powers, now } = call.ports;
  let stop: (() => void) | null = null;
  const look = (): void => {
    const at = now();
    const ends = call.grants.map((id) => {
      const limits = journal.state.active.get(id)?.limits;
      if (limits === undefined) return 0;
      return Math.min(limits.expires, limits.hours === undefined ? Infinity : openUntil(limits.hours, at));
    });
    const left = Math.min(MOST_MS, Math.min(...ends) - at);
    stop = powers.timer.after(Math.max(0, left), left > 0 ? look : call.cancel);
  };
  look();
  return promise.finally(() => stop?.());
}
