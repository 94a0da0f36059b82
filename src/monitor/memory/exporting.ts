import type { MemoryRequests } from "../../protocol/memory-table.ts";
import { toBase64 } from "../../protocol/bytes.ts";
import type { ExportLine } from "../../protocol/memory-export.ts";
import { recordText } from "../../protocol/record-codec.ts";
import { Refusal } from "../faults.ts";
import type { Log } from "../log/log.ts";
import { MemoryFault } from "./fault.ts";
import type { MemoryStore } from "./store.ts";

/** Characters of one answer, below the size of a frame whatever they are escaped to. */
const MAX_CHARACTERS = 2_000_000;

/**
 * Entries of memory by the records that have them, as others can check them in the tree of `size`. What ended, was erased or
 * is in quarantine is left out; what does not open as well, and is named. Stops at the size of a frame: `done` is how many records it is of.
 */
export async function exportEntries(
  { log, store }: { readonly log: Pick<Log, "size" | "records" | "inclusion">; readonly store: MemoryStore },
  { records, size }: MemoryRequests["memory-export"]["body"],
): Promise<MemoryRequests["memory-export"]["ok"]> {
  const lines: ExportLine[] = [];
  const damaged: number[] = [];
  let [done, characters] = [0, 0];
  for (const seq of records) {
    if (seq >= size || size > log.size) throw none(seq);
    const line = await lineOf(seq);
    const more = line === null ? 0 : line.record.length + line.salted.length;
    if (lines.length > 0 && characters + more > MAX_CHARACTERS) break;
    characters += more;
    done += 1;
    if (line !== null) lines.push(line);
  }
  return { lines, done, damaged };

  async function lineOf(seq: number): Promise<ExportLine | null> {
    for await (const { record } of log.records(seq, seq + 1)) {
      if (record.kind !== "memory-kept") break;
      const salted = await saltedOf(record, record.entry);
      if (salted === null) return null;
      return { seq, record: recordText(record), path: (await log.inclusion(seq, size)).map(toBase64), salted };
    }
    throw none(seq);
  }

  async function saltedOf(of: Parameters<MemoryStore["salted"]>[0], entry: number): Promise<string | null> {
    try {
      return await store.salted(of, entry);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      if (error.code === "memory-damaged") damaged.push(entry);
      return null;
    }
  }
}

function none(seq: number): Refusal {
  return new Refusal("bad-request", `Record ${seq} has no entry of memory.`, "Run `aios memory list`.");
}
