import type { MemoryBook } from "../../kernel/memory-book.ts";
import { wordsOf } from "../../kernel/memory-words.ts";
import type { Memory } from "./memory.ts";

/** Texts that are looked for, words of each by which that is done, and entries that are named. */
const TEXTS = 256;
const WORDS = 8;
const MOST = 100;

/**
 * Other entries, of any agent and in quarantine too, that have the very text of one of these; ascending, at most a hundred. Looked
 * for by the index, so one without a word in it is not found.
 */
export async function twinsOf(
  texts: readonly string[],
  known: ReadonlySet<number>,
  { book, store, pause }: Pick<Memory, "store" | "pause"> & { readonly book: Pick<MemoryBook, "places"> },
): Promise<readonly number[]> {
  const twins = new Set<number>();
  for (const text of [...new Set(texts)].slice(0, TEXTS)) {
    const query = wordsOf(text).slice(0, WORDS).join(" ");
    if (query === "") continue;
    for (const place of book.places()) {
      const options = { query, most: MOST, quarantined: true } as const;
      // A plane that cannot be read says so where it is read; here the others count.
      const { entries } = await store.search(place, options).catch(() => ({ entries: [] }));
      for (const each of entries) if (each.text === text && !known.has(each.entry)) twins.add(each.entry);
      await pause();
    }
  }
  return [...twins].toSorted((one, other) => one - other).slice(0, MOST);
}
