/** What a delivery remembers of the log that it delivered: how far it was at some moments, and its last record then. */
export interface Mark {
  /** Records that were delivered by then. */
  readonly next: number;
  /** Of the last of them, in hexadecimal; null when it could not be read. */
  readonly hash: string | null;
}

/**
 * Adds a mark. Of the older ones some are kept, twice as far apart with every step back: however far a log goes back, there
 * is one from before, and a log of a million records has some twenty.
 */
export function addMark(marks: readonly Mark[], mark: Mark): readonly Mark[] {
  const kept = new Map<number, Mark>();
  for (const each of marks) {
    if (each.next >= mark.next) continue;
    const step = Math.floor(Math.log2(mark.next - each.next));
    if (!kept.has(step)) kept.set(step, each);
  }
  return [...kept.values(), mark];
}

/** Whether the log is still the one that was delivered so far; if not, what of it is gone, and the newest mark that holds. */
export type Held =
  { readonly kind: "same" } | { readonly kind: "rewound"; readonly from: number; readonly marks: readonly Mark[] };

/** Holds the log against what was delivered of it. */
export async function compareWithLog(
  { next, marks }: { readonly next: number; readonly marks: readonly Mark[] },
  { size, hashOf }: { readonly size: number; hashOf(seq: number): Promise<string | null> },
): Promise<Held> {
  let from = Math.min(next, size);
  let isSame = next <= size;
  for (const [place, mark] of [...marks.entries()].toReversed()) {
    if (mark.hash === null && mark.next <= size) continue;
    if (mark.next <= size && (await hashOf(mark.next - 1)) === mark.hash) {
      return isSame ? { kind: "same" } : { kind: "rewound", from, marks: marks.slice(0, place + 1) };
    }
    isSame = false;
    from = Math.min(from, mark.next - 1);
  }
  return isSame ? { kind: "same" } : { kind: "rewound", from, marks: [] };
}
