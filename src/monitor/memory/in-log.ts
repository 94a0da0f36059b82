import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { Entry, Log } from "../log/log.ts";
import type { ShelfRow } from "./shelf-orders.ts";

/** Numbers of records that are remembered. */
const MOST_KNOWN = 100_000;

/** Of these entries those of which the log itself has what opens: making the file anew that they are read from brings them back. */
export type LookInLog = (entries: readonly number[]) => Promise<ReadonlySet<number>>;

/**
 * Looks for entries in the log. Their records are looked for once, by a walk through all records: for what does not open where
 * it is read from, and nothing else.
 */
export function createLogLook({
  log,
  book,
  isWhole,
}: {
  readonly log: Pick<Log, "records" | "entries" | "size">;
  readonly book: Pick<MemoryBook, "holds">;
  /** Whether this is what the log has of a live entry, and opens with its key. */
  isWhole(row: ShelfRow): Promise<boolean>;
}): LookInLog {
  const records = new Map<number, number>();

  async function findRecords(entries: readonly number[]): Promise<void> {
    const wanted = new Set(entries.filter((entry) => !records.has(entry)));
    if (wanted.size === 0) return;
    if (records.size + wanted.size > MOST_KNOWN) records.clear();
    for await (const { record } of log.records(0, log.size)) {
      if (record.kind === "memory-kept" && wanted.delete(record.entry)) records.set(record.entry, record.seq);
      if (wanted.size === 0) return;
    }
  }

  async function isThere(entry: number): Promise<boolean> {
    const seq = records.get(entry);
    if (seq === undefined) return false;
    try {
      for await (const stored of log.entries(seq, seq + 1)) {
        const row = rowIn(stored);
        return row !== null && (await isWhole(row));
      }
    } catch {
      return false; // ERRORS-DENY: what the log cannot give back is no way back
    }
    return false;
  }

  return async (entries) => {
    const held = entries.filter((entry) => book.holds(entry));
    // ERRORS-DENY: what a damaged log does not say where it is has no way back; nothing else waits for that.
    await findRecords(held).catch(() => {});
    const found = new Set<number>();
    for (const entry of held) if (await isThere(entry)) found.add(entry);
    return found;
  };
}

/** What the log has of an entry as it lies on the shelf; null where the record is of none, or has nothing sealed. */
export function rowIn({ record, payload }: Pick<Entry, "record" | "payload">): ShelfRow | null {
  const sealed = payload?.["sealed"];
  if (record.kind !== "memory-kept" || record.plane === "frozen" || typeof sealed !== "string") return null;
  const { entry, agent, plane, expires, digest, bytes } = record;
  return { entry, agent, plane, expires, digest, bytes, sealed };
}
