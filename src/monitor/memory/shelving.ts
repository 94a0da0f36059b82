import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { Crypto } from "../../platform/powers.ts";
import type { Content } from "../../protocol/memory-content.ts";
import { deriveKey, type LogKeys } from "../log/keys.ts";
import type { Log } from "../log/log.ts";
import { rowIn } from "./in-log.ts";
import { createUnindexed, type Unindexed } from "./unindexed.ts";
import {
  isDamage,
  type AskShelf,
  type Indexed,
  type IndexKey,
  type Numbers,
  type ShelfOrders,
  type ShelfRow,
} from "./shelf-orders.ts";

/** Rows that go to the shelf together, so that the event loop comes up for air. */
const STRIDE = 64;
/** Texts that are indexed anew together: whoever searches waits for no more of them. */
const TEXTS = 16;
/** What ends within an eighth of its life of each other is indexed together. */
const BUCKETS = 8;

/** Brings the shelf to what the log says: what a crash, or somebody, took from it is read from the log again. */
export interface Shelving {
  /** First of all. A file that is damaged is made anew. */
  shelve(): Promise<void>;
  /** Makes the file anew, whatever is in it. */
  renew(): Promise<void>;
  indexAnew(entries: Numbers): Promise<void>;
  indexKey(epoch: number): IndexKey;
  /** What could not be put there, or indexed, since it does not open. */
  readonly unindexed: Unindexed;
}

export function createShelving(parts: {
  readonly crypto: Crypto;
  readonly keys: Pick<LogKeys, "epoch" | "key">;
  readonly book: MemoryBook;
  readonly log: Pick<Log, "entries" | "size">;
  readonly shelf: AskShelf;
  readonly open: (row: ShelfRow) => Promise<Content | null>;
  report(words: string): void;
}): Shelving {
  const { keys, book, shelf, open } = parts;
  const unindexed = createUnindexed(book);

  async function renew(): Promise<void> {
    parts.report("memory: the file that it is read from was damaged, and is made anew from the log");
    await complete(await shelf("renew", { key: indexKey(keys.epoch) }));
  }

  async function complete(found: ShelfOrders["begin"]["ok"]): Promise<void> {
    const there = new Set(found.entries);
    const strangers = found.entries.filter((entry) => !book.holds(entry));
    if (strangers.length > 0) await shelf("drop", { entries: strangers, segments: [] });
    let missing = 0;
    for (let entry = 0; entry < book.next; entry += 1) if (book.holds(entry) && !there.has(entry)) missing += 1;
    if (missing > 0) await shelveAgain(there);
    const lost = found.unindexed.filter((entry) => book.holds(entry));
    for (let from = 0; from < lost.length; from += STRIDE) await indexAnew(lost.slice(from, from + STRIDE));
  }

  async function shelveAgain(there: ReadonlySet<number>): Promise<void> {
    let rows: (ShelfRow & Indexed)[] = [];
    for await (const stored of parts.log.entries(0, parts.log.size)) {
      const { record } = stored;
      if (record.kind !== "memory-kept" || there.has(record.entry) || !book.holds(record.entry)) continue;
      const row = rowIn(stored);
      const content = row === null ? null : await open(row);
      if (row === null || content === null) {
        unindexed.add(record.entry);
        continue;
      }
      unindexed.remove(row.entry);
      rows.push({ ...row, text: content.text, bucket: bucketOf(content) });
      if (rows.length < STRIDE) continue;
      await shelf("add", { rows });
      rows = [];
    }
    await shelf("add", { rows });
  }

  async function indexAnew(entries: Numbers): Promise<void> {
    const rows = await Promise.all(Array.from(entries, (entry) => shelf("read", { entry })));
    const texts = [];
    for (const [at, row] of rows.entries()) {
      const content = row === null ? null : await open(row);
      if (row === null || content === null) unindexed.add(entries[at] ?? 0);
      else texts.push({ entry: row.entry, text: content.text, bucket: bucketOf(content) });
    }
    for (let from = 0; from < texts.length; from += TEXTS)
      await shelf("index", { texts: texts.slice(from, from + TEXTS) });
  }

  function indexKey(epoch: number): IndexKey {
    const key = keys.key(epoch);
    if (key === null) throw new RangeError(`Cannot open memory: epoch ${epoch} has no key`);
    return { epoch, key: deriveKey(parts.crypto, { purpose: "index", key }) };
  }

  return {
    unindexed,
    renew,
    indexAnew,
    indexKey,
    async shelve() {
      try {
        await complete(await shelf("begin", { key: indexKey(keys.epoch) }));
      } catch (error) {
        if (!isDamage(error)) throw error;
        await renew();
      }
    },
  };
}

/** What ends about together has the same. */
export function bucketOf({ at, expires }: Pick<Content, "at" | "expires">): number {
  if (expires === null) return 0;
  const width = 2 ** Math.ceil(Math.log2(Math.max(1000, expires - at) / BUCKETS));
  return Math.ceil(expires / width) * width;
}
