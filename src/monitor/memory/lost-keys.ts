import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { KeySlots } from "../log/slots.ts";
import type { ShelfRow } from "./shelf-orders.ts";

/** Entries that are looked at, and numbers that are gone over to find each. */
const LOOKS = 16;
const REACH = 10_000;

/**
 * Whether the keys of memory look lost, by some entries all over it: where a file of keys is gone a home starts with new ones, and
 * nothing from before opens. An entry whose own key alone is destroyed is none of these: it was erased since the backup that
 * a home comes from.
 */
export async function looksLost(parts: {
  readonly book: Pick<MemoryBook, "next" | "holds">;
  readonly slots: Pick<KeySlots, "read" | "isBlank">;
  open(row: ShelfRow): Promise<unknown>;
  read(entry: number): Promise<ShelfRow | null>;
}): Promise<boolean> {
  for (const entry of someOf(parts.book)) {
    if (await parts.slots.isBlank(entry)) return true;
    const row = await parts.read(entry);
    if (row === null || (await parts.slots.read(entry)) === null) continue;
    if ((await parts.open(row)) === null) return true;
  }
  return false;
}

function someOf(book: Pick<MemoryBook, "next" | "holds">): readonly number[] {
  const found = new Set<number>();
  const { next } = book;
  for (let look = 0; look < LOOKS; look += 1) {
    const from = Math.floor((next * look) / LOOKS);
    for (let entry = from; entry < Math.min(next, from + REACH); entry += 1) {
      if (!book.holds(entry)) continue;
      found.add(entry);
      break;
    }
  }
  return [...found];
}
