/** What is chosen in a list that changes while somebody looks at it. */
export interface Choice<T> {
  /** Place of what is chosen; -1 when nothing is. */
  at(items: readonly T[]): number;
  /** What is chosen, if it is there. */
  of(items: readonly T[]): T | undefined;
  move(items: readonly T[], by: number): void;
}

/**
 * A choice that stays with the thing that was chosen, wherever it moves to, and is nothing when that is gone: the key that stops
 * asks nothing, so it must never reach another thing that slid into the same row. At first it is the first of the list.
 */
export function createChoice<T>(nameOf: (item: T) => string): Choice<T> {
  let chosen: string | null = null;
  /** Where it was last: the arrows go on from there. */
  let last = 0;

  function at(items: readonly T[]): number {
    chosen ??= items[0] === undefined ? null : nameOf(items[0]);
    const found = items.findIndex((item) => nameOf(item) === chosen);
    if (found >= 0) last = found;
    return found;
  }
  return {
    at,
    of: (items) => items[at(items)],
    move(items, by) {
      const found = at(items);
      // From where something went away the first step chooses what stands there now.
      const to = found >= 0 ? found + by : Number.isFinite(by) ? last + (by > 0 ? by - 1 : by) : by;
      const item = items[Math.max(0, Math.min(to, items.length - 1))];
      if (item === undefined) return;
      chosen = nameOf(item);
      at(items);
    },
  };
}
