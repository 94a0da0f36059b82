/** Denials without a success between them that open a breaker. */
export const DENIALS_IN_A_ROW = 5;
/** Denials within `DENIAL_SPAN_MS` that open a breaker, successes between them or not. */
export const DENIALS_IN_SPAN = 20;
export const DENIAL_SPAN_MS = 60_000;

/**
 * Watches one instance for a run of denials, which is what probing for a way out looks like. Once open it stays open:
 * the instance is frozen, and a thaw by an owner starts a new breaker.
 */
export interface Breaker {
  /** The first denial opens it. */
  readonly strict: boolean;
  readonly open: boolean;
  /** Denials since the last success. */
  readonly inRow: number;
  /** Times of denials within the span, milliseconds since 1970 UTC, at most `DENIALS_IN_SPAN`. */
  readonly recent: readonly number[];
}

/** A closed breaker. */
export function newBreaker(strict: boolean): Breaker {
  return { strict, open: false, inRow: 0, recent: [] };
}

/** The breaker after one more action ended, at `now` in milliseconds since 1970 UTC. */
export function noteOutcome(breaker: Breaker, outcome: "done" | "denied", now: number): Breaker {
  if (breaker.open) return breaker;
  if (outcome === "done") return { ...breaker, inRow: 0 };
  const inRow = breaker.inRow + 1;
  // A time ahead of now counts as recent: a clock that was set back must not close the view.
  const recent = [...breaker.recent.filter((at) => !(at <= now - DENIAL_SPAN_MS)), now].slice(-DENIALS_IN_SPAN);
  const open = breaker.strict || inRow >= DENIALS_IN_A_ROW || recent.length >= DENIALS_IN_SPAN;
  return { ...breaker, open, inRow, recent };
}
