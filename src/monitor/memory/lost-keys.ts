import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { KeySlots } from "../log/slots.ts";
import type { LookInLog } from "./in-log.ts";
import type { ShelfRow } from "./shelf-orders.ts";

/** Entries that are looked at, and numbers that are gone over to find each. */
const LOOKS = 16;
const REACH = 10_000;

/**
 * Why entries do not open: the file that they are read from was changed, which can be made anew from the log, or their keys were,
 * which nothing makes anew.
 */
export type MemoryDamage = "index" | "keys";

/**
 * Whether memory looks damaged, by some entries all over it: where a file of keys is gone a home starts with new ones, and
 * nothing from before opens. An entry whose own key alone is destroyed is none of these: it was erased since the backup that
 * a home comes from. What opens as the log has it has its key, and only its copy is not what it was.
 */
export async function lookForDamage(parts: {
  readonly book: Pick<MemoryBook, "next" | "holds">;
  readonly slots: Pick<KeySlots, "read" | "isBlank">;
  open(row: ShelfRow): Promise<unknown>;
  /** Null also where the file cannot be read. */
  read(entry: number): Promise<ShelfRow | null>;
  readonly inLog: LookInLog;
}): Promise<MemoryDamage | null> {
  const { book } = parts;
  const unopened: number[] = [];
  for (const entry of someOf(book)) {
    const blank = await parts.slots.isBlank(entry);
    // What ended meanwhile has no key to lose.
    if (blank && book.holds(entry)) return "keys";
    if ((await parts.slots.read(entry)) === null) continue;
    const row = await parts.read(entry);
    if (row === null || (await parts.open(row)) === null) unopened.push(entry);
  }
  const held = unopened.filter((entry) => book.holds(entry));
  if (held.length === 0) return null;
  const there = await parts.inLog(held);
  return held.some((entry) => book.holds(entry) && !there.has(entry)) ? "keys" : "index";
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
