import type { Clock, Timer } from "../platform/powers.ts";

/** Gives a promise so long; when it is late, the answer is the error that `late` makes, and `late` says so elsewhere too. */
export type TimeLimit = <T>(promise: Promise<T>, late: () => Error) => Promise<T>;

interface Open {
  /** Microseconds on the clock's scale. */
  readonly ends: number;
  end(): void;
}

/**
 * Makes one time limit for many promises at once. All have the same time, so they become late in the order in which they
 * came, and one timer serves them all: one for each would be made and thrown away with every action.
 */
export function createTimeLimit(
  { clock, timer }: { readonly clock: Pick<Clock, "micros">; readonly timer: Timer },
  ms: number,
): TimeLimit {
  // In the order in which they end.
  const open = new Set<Open>();
  let waiting = false;

  function wait(micros: number): void {
    waiting = true;
    timer.after(Math.ceil(micros / 1000), look);
  }
  function look(): void {
    waiting = false;
    const now = clock.micros();
    for (const each of open) {
      if (each.ends > now) return wait(each.ends - now);
      open.delete(each);
      each.end();
    }
  }

  return (promise, late) =>
    new Promise((resolve, reject) => {
      const mine: Open = { ends: clock.micros() + ms * 1000, end: () => reject(late()) };
      open.add(mine);
      if (!waiting) wait(ms * 1000);
      promise.then(
        (value) => {
          open.delete(mine);
          resolve(value);
        },
        (error: unknown) => {
          open.delete(mine);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
}
