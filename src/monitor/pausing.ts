import type { Clock, Timer } from "../platform/powers.ts";

/** Microseconds of work between two turns of everybody else. */
const TURN = 1000;
const NOTHING: Promise<void> = Promise.resolve();

/** For long work: lets others have their turn once about a millisecond of it was used; not when nobody has any more. */
export function createPause(
  { timer, clock }: { readonly timer: Timer; readonly clock: Pick<Clock, "micros"> },
  isOver: () => boolean = () => false,
): () => Promise<void> {
  let turn = 0;
  return () => {
    if (isOver() || clock.micros() - turn < TURN) return NOTHING;
    return new Promise((resolve) => {
      timer.after(0, () => {
        turn = clock.micros();
        resolve();
      });
    });
  };
}
