import type { Grant } from "../kernel/grant.ts";
import type { Timer } from "../platform/powers.ts";
import type { RunningDriver } from "./driver-pool.ts";

/** Nothing lasts longer than a timer can say, which is about 23 days. */
const MOST_MS = 2_000_000_000;

/**
 * Waits for what lasts as long as its grants: it is cut when the first of them ends, and the driver then says what came of
 * it until there. A grant that is not in force any more has ended.
 */
export function untilGrantsEnd<T>(
  promise: Promise<T>,
  call: {
    readonly driver: RunningDriver;
    readonly token: number;
    readonly grants: readonly string[];
    readonly active: ReadonlyMap<string, Grant>;
    readonly timer: Timer;
    readonly now: number;
  },
): Promise<T> {
  const ends = call.grants.map((id) => call.active.get(id)?.limits.expires ?? 0);
  const left = Math.min(MOST_MS, Math.max(0, Math.min(...ends) - call.now));
  const stop = call.timer.after(left, () => {
    void call.driver.peer.request("cancel", { token: call.token }).catch(() => {});
  });
  return promise.finally(stop);
}
