import type { MemoryBook } from "../../kernel/memory-book.ts";
import { utf8Length } from "../../kernel/utf8.ts";
import { MemoryFault } from "./fault.ts";
import type { Memory } from "./memory.ts";

/** Entries that are named, that are read to compare them, and that are read before others have their turn. */
const MOST = 100;
const MOST_READ = 20_000;
const STRIDE = 16;

/** Entries with the very same text. */
export interface Twins {
  /** Ascending, at most a hundred. */
  readonly entries: readonly number[];
  /** Whether there are no others: all that could be was compared, and there is room for all that was found. */
  readonly all: boolean;
}

/**
 * Other entries, of any agent and in quarantine too, that have the very text of one of these. What the log says of their sizes tells
 * which could have it; each of those is read, the newest first. No index is asked, which somebody may have changed.
 */
export async function twinsOf(
  texts: readonly string[],
  known: ReadonlySet<number>,
  { book, store, pause }: Pick<Memory, "store" | "pause"> & { readonly book: Pick<MemoryBook, "ofSizes" | "placeOf"> },
): Promise<Twins> {
  const wanted = new Set(texts);
  const found: number[] = [];
  let [read, all] = [0, true];
  for (const entry of book.ofSizes(new Set(texts.map(utf8Length)))) {
    const place = book.placeOf(entry);
    if (known.has(entry) || place === null) continue;
    if (read === MOST_READ || found.length > MOST) {
      all = false;
      break;
    }
    read += 1;
    try {
      const { text } = await store.read(place, entry, { quarantined: true });
      if (wanted.has(text)) found.push(entry);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      // What ended meanwhile is no twin; of what does not open nobody knows.
      if (error.code === "memory-damaged") all = false;
    }
    if (read % STRIDE === 0) await pause();
  }
  const entries = found.slice(0, MOST).toSorted((one, other) => one - other);
  return { entries, all: all && found.length <= MOST };
}
