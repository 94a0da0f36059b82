import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { PlaneOf } from "../../kernel/memory.ts";

/** Entries without an index that are added to a search at a time. */
const STRIDE = 64;

/** Entries whose words the index cannot have, since nothing opens them: a search that said nothing of them would be no answer. */
export interface Unindexed {
  add(entry: number): void;
  remove(entry: number): void;
  /**
   * What a search has to look at from `from` to below `below`: candidates of the index, newest first, and those of these that lie
   * there. Where there are many it is of a part of that, whose lowest number `from` is then.
   */
  among(
    found: readonly number[],
    range: { readonly of: PlaneOf; readonly below: number; readonly from: number },
  ): { readonly candidates: readonly number[]; readonly from: number };
}

/** A byte an entry, and none where all opens. */
export function createUnindexed(book: Pick<MemoryBook, "entries">): Unindexed {
  let marks = new Uint8Array(0);

  function newest({ of, below, from }: Parameters<Unindexed["among"]>[1]): readonly number[] {
    const found: number[] = [];
    for (const entry of book.entries(of, Math.min(below, marks.length))) {
      if (entry < from || found.length === STRIDE) break;
      if (marks[entry] === 1) found.push(entry);
    }
    return found;
  }

  return {
    add(entry) {
      if (entry >= marks.length) {
        const grown = new Uint8Array(Math.max(64, 2 * (entry + 1)));
        grown.set(marks);
        marks = grown;
      }
      marks[entry] = 1;
    },
    remove(entry) {
      if (entry < marks.length) marks[entry] = 0;
    },
    among(found, range) {
      const own = newest(range);
      if (own.length === 0) return { candidates: found, from: range.from };
      const from = own.length < STRIDE ? range.from : (own.at(-1) ?? range.from);
      const all = new Set([...found.filter((entry) => entry >= from), ...own]);
      return { candidates: [...all].toSorted((one, other) => other - one), from };
    },
  };
}
