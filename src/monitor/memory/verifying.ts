import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { Log } from "../log/log.ts";
import type { FrozenTexts } from "./frozen.ts";
import { rowIn } from "./in-log.ts";
import type { MemoryStore } from "./store.ts";
import type { VerifiedShelf } from "./verify-shelf.ts";

/** A snapshot that is not as it was signed. */
export interface FrozenDamage {
  readonly agent: string;
  readonly name: string;
  readonly why: string;
}

/** Entries ascending, each once. */
export interface VerifiedMemory extends VerifiedShelf {
  readonly frozen: readonly FrozenDamage[];
}

/** Records whose payloads are opened together; when one of them cannot be, each alone. */
const STRIDE = 64;

/**
 * Compares all of memory with what was recorded of it: the copy that is read from with its keys and its index, what the log
 * itself has sealed of each entry, from which that copy would be made again, and the texts of every snapshot. Takes its time
 * and blocks nobody.
 */
export async function verifyMemory(parts: {
  readonly log: Pick<Log, "size" | "records" | "entries">;
  readonly book: MemoryBook;
  readonly store: Pick<MemoryStore, "verify" | "isWhole">;
  readonly frozen: Pick<FrozenTexts, "signed">;
}): Promise<VerifiedMemory> {
  const { checked, damaged, file } = await parts.store.verify();
  const found = new Map(damaged.map((each) => [each.entry, each]));
  for (const entry of await damagedInLog(parts))
    if (!found.has(entry)) found.set(entry, { entry, why: "what the log has sealed of it was changed" });
  const frozen: FrozenDamage[] = [];
  // Those that are withheld too: what an owner is asked to sign anew must be known to be what was signed. And old versions, since a
  // start reads them all.
  for (const snapshot of parts.book.snapshots.kept()) {
    const { agent, name, version } = snapshot;
    await parts.frozen.signed(snapshot).catch((error: unknown) => {
      frozen.push({
        agent,
        name,
        why: `version ${version}: ${error instanceof Error ? error.message : String(error)}`,
      });
    });
  }
  return { checked, damaged: [...found.values()].toSorted((one, other) => one.entry - other.entry), file, frozen };
}

/** Entries that are there by the log and of which the log has nothing that opens. */
async function damagedInLog(parts: Parameters<typeof verifyMemory>[0]): Promise<readonly number[]> {
  const { log, book } = parts;
  const entries = new Map<number, number>();
  for await (const { record } of log.records(0, log.size))
    if (record.kind === "memory-kept" && book.holds(record.entry)) entries.set(record.seq, record.entry);
  const damaged: number[] = [];
  const numbers = [...entries.keys()];
  for (let from = 0; from < numbers.length; from += STRIDE) {
    const some = numbers.slice(from, from + STRIDE);
    const bad = (await lookAt(parts, some)) ?? (await oneByOne(parts, some));
    for (const seq of bad) damaged.push(entries.get(seq) ?? -1);
  }
  // What was erased or ended meanwhile is no damage.
  return damaged.filter((entry) => book.holds(entry));
}

/** Of these records those whose content does not open; null when one of them cannot be read at all. */
async function lookAt(
  { log, store }: Parameters<typeof verifyMemory>[0],
  numbers: readonly number[],
): Promise<readonly number[] | null> {
  const [first = 0, last = first] = [numbers[0], numbers.at(-1)];
  const bad: number[] = [];
  try {
    for await (const stored of log.entries(first, last + 1, new Set(numbers))) {
      const row = rowIn(stored);
      if (row === null || !(await store.isWhole(row))) bad.push(stored.record.seq);
    }
    return bad;
  } catch {
    return null; // ERRORS-DENY: what cannot be read is looked at again, alone, and then named
  }
}

async function oneByOne(
  parts: Parameters<typeof verifyMemory>[0],
  numbers: readonly number[],
): Promise<readonly number[]> {
  const bad: number[] = [];
  for (const seq of numbers) if ((await lookAt(parts, [seq]))?.length !== 0) bad.push(seq);
  return bad;
}
