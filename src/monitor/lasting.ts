import type { Timer } from "../platform/powers.ts";
import type { Journal } from "./journal.ts";

/** Nothing lasts longer than a timer can say, which is about 23 days. */
const MOST_MS = 2_000_000_000;

/**
 * Waits for what lasts as long as its grants: it is cut when the first of them ends, and its driver then says what came
 * of it until there. A grant that is not in force any more has ended.
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
  const ends = call.grants.map((id) => journal.state.active.get(id)?.limits.expires ?? 0);
  const left = Math.min(MOST_MS, Math.max(0, Math.min(...ends) - now()));
  return promise.finally(powers.timer.after(left, call.cancel));
}
