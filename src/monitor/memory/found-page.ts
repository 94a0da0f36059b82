import type { Unreadable } from "../../protocol/memory-table.ts";
import type { Recalled } from "./store.ts";

/** What a list or a search gives: what can be read, and what should be there and does not open. */
export interface FoundPage {
  /** Newest first. */
  readonly entries: readonly Recalled[];
  readonly unreadable: Unreadable;
}

/** A page that is being filled, newest first. */
export interface PageInMaking {
  /** Whether more is to be looked at: it is not full, and not too much of what was looked at does not open. */
  goesOn(): boolean;
  add(found: Recalled): void;
  /** An entry that should be there does not open. */
  miss(entry: number): void;
  /** The page when everything was looked at. */
  whole(): FoundPage;
  /** The page when there may be more behind it. */
  cut(): FoundPage;
}

/** Unreadable entries that one page names, and how many are gone over before it ends without being full. */
const NAMED = 20;
const MOST_UNREADABLE = 2000;

/**
 * Fills one page of at most so many entries. One that does not open takes no place in it, so that many of them hide nothing. Each is
 * of the page within which it lies, so that whoever turns the pages hears of it once.
 */
export function collectPage(most: number, wanted: (found: Recalled) => boolean = () => true): PageInMaking {
  const found: Recalled[] = [];
  const missing: number[] = [];

  function pageOf(before: number | null): FoundPage {
    const entries = found.slice(0, most);
    const last = entries.length === most ? (entries.at(-1)?.entry ?? 0) : 0;
    const within = missing.filter((entry) => entry >= last);
    return { entries, unreadable: { count: within.length, entries: within.slice(0, NAMED), before } };
  }
  return {
    goesOn: () => found.length < most && missing.length < MOST_UNREADABLE,
    add(each) {
      if (wanted(each)) found.push(each);
    },
    miss: (entry) => void missing.push(entry),
    whole: () => pageOf(null),
    // A full page goes on below its last entry, as its reader sees; one that is not ended at what does not open.
    cut: () =>
      pageOf(found.length >= most ? null : Math.min(found.at(-1)?.entry ?? Infinity, missing.at(-1) ?? Infinity)),
  };
}
