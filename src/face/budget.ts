/** So many in so long a time, whoever asks. */
export interface Budget {
  /** Takes one; false when there is none left. Counts before anything is looked at. */
  take(): boolean;
}

/** A window that begins with the first that is taken after the last one ended: at most twice `count` in any `ms`. */
export function createBudget(
  { count, ms }: { readonly count: number; readonly ms: number },
  now: () => number,
): Budget {
  let [began, taken] = [Number.NEGATIVE_INFINITY, 0];
  return {
    take() {
      const at = now();
      if (at - began >= ms) [began, taken] = [at, 0];
      taken += 1;
      return taken <= count;
    },
  };
}
