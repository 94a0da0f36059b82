import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { Content } from "../../protocol/memory-content.ts";
import type { Examiner } from "./shelf-examiner.ts";
import { isDamage, type ShelfRow } from "./shelf-orders.ts";

/** What was found not to be as the log says. */
export interface Damage {
  readonly entry: number;
  readonly why: string;
}

/** What the copy that memory is read from looks like on the disk. */
export interface VerifiedShelf {
  /** Entries that were looked at. */
  readonly checked: number;
  readonly damaged: readonly Damage[];
  /** What is wrong with the file itself, in words; it can be made anew from the log. */
  readonly file: readonly string[];
}

/** Entries that are looked at together, so that the event loop comes up for air. */
const STRIDE = 64;
const UNREADABLE = "what lies there of it cannot be read";

/**
 * Looks at every entry up to `upTo` as it lies in the file, then at the file: what the log has of each is there, opens, and is
 * found by each of its words, and pages, tables and indexes hang together. What ends meanwhile is no damage.
 * @param examiner that has begun.
 */
export async function verifyShelf({
  book,
  upTo,
  open,
  examiner,
}: {
  readonly book: MemoryBook;
  readonly upTo: number;
  readonly open: (row: ShelfRow) => Promise<Content | null>;
  readonly examiner: Pick<Examiner, "ask">;
}): Promise<VerifiedShelf> {
  const damaged: Damage[] = [];
  let checked = 0;
  for (let next = 0; next < upTo;) {
    const some: number[] = [];
    for (; next < upTo && some.length < STRIDE; next += 1) if (book.holds(next)) some.push(next);
    const found = (await lookAt(some)) ?? (await oneByOne(some));
    checked += some.length;
    damaged.push(...found.filter(({ entry }) => book.holds(entry)));
  }
  return { checked, damaged, file: await reading(examiner.ask("structure", null), [UNREADABLE_FILE]) };

  /** Null: one of them cannot be read. */
  async function lookAt(entries: readonly number[]): Promise<readonly Damage[] | null> {
    const rows = await reading(examiner.ask("rows", { entries }), null);
    if (rows === null) return null;
    const wrong = new Map<number, string>();
    const texts: { entry: number; text: string }[] = [];
    for (const row of rows) {
      const content = book.confirms(row) ? await open(row) : null;
      if (content !== null) texts.push({ entry: row.entry, text: content.text });
      else wrong.set(row.entry, book.confirms(row) ? "its key or its seal was changed" : "it is not what the log has");
    }
    const lost = await reading(examiner.ask("check", { texts }), null);
    if (lost === null) return null;
    for (const entry of lost) wrong.set(entry, "its index was changed");
    const there = new Set(rows.map(({ entry }) => entry));
    for (const entry of entries) if (!there.has(entry)) wrong.set(entry, "it is missing");
    return entries.flatMap((entry) => {
      const why = wrong.get(entry);
      return why === undefined ? [] : [{ entry, why }];
    });
  }

  async function oneByOne(entries: readonly number[]): Promise<readonly Damage[]> {
    const found: Damage[] = [];
    for (const entry of entries) found.push(...((await lookAt([entry])) ?? [{ entry, why: UNREADABLE }]));
    return found;
  }
}

const UNREADABLE_FILE = "it cannot be read to its end";

/** What an order gives, or `otherwise` where the file is damaged. */
async function reading<T, U>(asked: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await asked;
  } catch (error) {
    if (isDamage(error)) return otherwise;
    throw error;
  }
}
