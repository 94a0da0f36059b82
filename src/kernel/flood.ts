/**
 * Actions of one instance held within `FLOOD_SPAN_MS` that are more than a person reads; the next one freezes it. A flood
 * of questions is how a yes is worn out of people, and it hides the one that matters among those that do not.
 */
export const HELD_IN_SPAN = 60;
export const FLOOD_SPAN_MS: number = 10 * 60_000;

/** How much one instance asks of people. Once it is a flood it stays one; a thaw by an owner starts anew. */
export interface Asking {
  /** Times of held actions within the span, milliseconds since 1970 UTC, at most `HELD_IN_SPAN`. */
  readonly recent: readonly number[];
  readonly flood: boolean;
}

/** An instance that has asked nothing yet. */
export const QUIET: Asking = Object.freeze({ recent: Object.freeze([]), flood: false });

/** The asking after one more action was held, at `now` in milliseconds since 1970 UTC. */
export function noteHeld(asking: Asking, now: number): Asking {
  // A time ahead of now counts as recent: a clock that was set back must not close the view.
  const recent = [...asking.recent.filter((at) => !(at <= now - FLOOD_SPAN_MS)), now];
  return { recent: recent.slice(-HELD_IN_SPAN), flood: asking.flood || recent.length > HELD_IN_SPAN };
}

/** The asking of an instance that asked while as many of its actions waited as may. */
export function noteTooMany(asking: Asking): Asking {
  return { ...asking, flood: true };
}
