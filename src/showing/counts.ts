/** One name and how often it came. */
export interface Counted {
  readonly name: string;
  readonly times: number;
}

/** Names with how often they came, the most frequent first. */
export interface Counts {
  readonly names: readonly Counted[];
  /** How often anything came, what has no name here included. */
  readonly total: number;
}

/**
 * Counts names, and keeps so many apart: whoever makes more of them does not fill our memory. The name "" is none: it counts
 * to the total alone.
 */
export function createCounter(most: number = 256): { add(name: string, times?: number): void; sum(): Counts } {
  const known = new Map<string, number>();
  let total = 0;
  return {
    add(name, times = 1) {
      total += times;
      if (name === "") return;
      const before = known.get(name);
      if (before !== undefined || known.size < most) known.set(name, (before ?? 0) + times);
    },
    sum: () => ({
      names: [...known].map(([name, times]) => ({ name, times })).toSorted((one, other) => other.times - one.times),
      total,
    }),
  };
}
