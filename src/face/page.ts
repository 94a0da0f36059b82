/** Entries of one page of a list. */
export const PAGE_SIZE = 100;

export interface Page<Entry> {
  readonly entries: readonly Entry[];
  /** Cursor of the next page, or null on the last one. */
  readonly next: string | null;
}

const CURSOR = /^([0-9a-z]{1,10})\.([1-9][0-9]{0,8})$/;

/**
 * The page of a list that a cursor stands for, or null for a cursor that this face did not give out for this
 * generation of the list: pages of two generations mixed would show an agent a list that never was.
 */
export function takePage<Entry>(
  list: readonly Entry[],
  options: { readonly generation: number; readonly cursor: string | undefined },
): Page<Entry> | null {
  const from = options.cursor === undefined ? 0 : readCursor(options.cursor, options.generation);
  if (from === null || (from !== 0 && from >= list.length) || from % PAGE_SIZE !== 0) return null;
  const to = from + PAGE_SIZE;
  return {
    entries: list.slice(from, to),
    next: to < list.length ? `${options.generation.toString(36)}.${to}` : null,
  };
}

function readCursor(cursor: string, generation: number): number | null {
  const match = CURSOR.exec(cursor);
  if (match === null || match[1] !== generation.toString(36)) return null;
  return Number(match[2]);
}
