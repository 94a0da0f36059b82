import type { ReasonCode } from "./codes.ts";
import { NET_DRIVER } from "./net.ts";

/** Denials without a success between them that open a breaker. */
export const DENIALS_IN_A_ROW = 5;
/** Denials within `SPAN_MS` that open a breaker, successes between them or not. */
export const DENIALS_IN_SPAN = 20;
/**
 * Strays within `SPAN_MS` that open a breaker. Programs that report home ask a handful of hosts about once a second each
 * and wait longer each time; five a second for a minute is nobody's retry any more (docs/decisions/strays-of-the-network.md).
 */
export const STRAYS_IN_SPAN = 300;
export const SPAN_MS = 60_000;

/**
 * How an action ended, as far as a breaker cares. `stray`: a request to the network that no grant names, which is what
 * ordinary programs make all day (telemetry, a look for updates) and which says nothing about a way out.
 */
export type Ending = "done" | "denied" | "stray";

/**
 * Watches one instance for a run of denials, which is what probing for a way out looks like. Once open it stays open:
 * the instance is frozen, and a thaw by an owner starts a new breaker.
 */
export interface Breaker {
  /** The first denial opens it, a stray too. */
  readonly strict: boolean;
  readonly open: boolean;
  /** Denials since the last success. */
  readonly inRow: number;
  /** Times of denials within the span, milliseconds since 1970 UTC, at most `DENIALS_IN_SPAN`. */
  readonly recent: readonly number[];
  /** Times of strays within the span, at most `STRAYS_IN_SPAN`. */
  readonly strays: readonly number[];
}

/** A closed breaker. */
export function newBreaker(strict: boolean): Breaker {
  return { strict, open: false, inRow: 0, recent: [], strays: [] };
}

/**
 * What the denial of an action counts as: `what` is `driver/tool`, as records name it. Only the plain lack of a grant is a
 * stray. What has two readings, names what is prohibited, or is forbidden by a rule counts in full.
 */
export function endingOfDenial(what: string, code: ReasonCode): Ending {
  return code === "no-grant" && what.startsWith(`${NET_DRIVER}/`) ? "stray" : "denied";
}

/** The breaker after one more action ended, at `now` in milliseconds since 1970 UTC. */
export function noteOutcome(breaker: Breaker, ending: Ending, now: number): Breaker {
  if (breaker.open) return breaker;
  if (ending === "done") return { ...breaker, inRow: 0 };
  if (ending === "stray") {
    const strays = within(breaker.strays, { now, most: STRAYS_IN_SPAN });
    return { ...breaker, open: breaker.strict || strays.length >= STRAYS_IN_SPAN, strays };
  }
  const inRow = breaker.inRow + 1;
  const recent = within(breaker.recent, { now, most: DENIALS_IN_SPAN });
  const open = breaker.strict || inRow >= DENIALS_IN_A_ROW || recent.length >= DENIALS_IN_SPAN;
  return { ...breaker, open, inRow, recent };
}

/** The times that are within the span before `now`, and `now`. */
function within(times: readonly number[], { now, most }: { readonly now: number; readonly most: number }): number[] {
  // A time ahead of now counts as recent: a clock that was set back must not close the view.
  return [...times.filter((at) => !(at <= now - SPAN_MS)), now].slice(-most);
}
