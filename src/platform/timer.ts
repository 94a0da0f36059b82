import type { Timer } from "./powers.ts";

// Node runs a longer delay at once (it wraps at 2^31 ms): an approval that ends in 30 days would end now.
const LONGEST_DELAY = 2 ** 31 - 1;

/** Makes the timer of this process. Delays of any length work; a delay that is not a number is a fault. */
export function createTimer(): Timer {
  return Object.freeze({ after: startTimer });
}

function startTimer(ms: number, callback: () => void): () => void {
  if (Number.isNaN(ms)) throw new RangeError("Cannot start a timer: its delay is not a number");
  let left = Math.max(0, ms);
  let handle = setTimeout(advance, nextDelay());
  handle.unref();

  function nextDelay(): number {
    const delay = Math.min(left, LONGEST_DELAY);
    left -= delay;
    return delay;
  }
  function advance(): void {
    if (left <= 0) return callback();
    handle = setTimeout(advance, nextDelay());
    handle.unref();
  }
  return () => clearTimeout(handle);
}
