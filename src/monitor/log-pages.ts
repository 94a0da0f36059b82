import { parseCheckpoint, splitNote } from "../protocol/note.ts";
import type { CliRequests } from "../protocol/requests.ts";
import type { IndexView } from "./index/index-view.ts";
import type { Entry, Log } from "./log/log.ts";

/** What people see of the log, found by the index and read from the log itself. */
export interface LogPagePorts {
  readonly log: Pick<Log, "size" | "entries">;
  readonly index: Pick<IndexView, "find">;
}

type Newest = CliRequests["log-newest"];

/** Payloads over this are shown one by one, not on a page of many: bytes. */
const MAX_PAYLOAD = 64 * 1024;
/** Characters of one answer, below the size of a frame whatever they are escaped to. */
const MAX_CHARACTERS = 2_000_000;
/** The log is read and checked a bundle of 256 records at a time; what is wanted from one bundle is read at once. */
const BUNDLE = 256;

/** Records from one on, oldest first. */
export async function showLog(
  { log, index }: LogPagePorts,
  query: CliRequests["log-show"]["body"],
): Promise<CliRequests["log-show"]["ok"]> {
  const entries: Entry[] = [];
  for (const run of nearRuns(await index.find(query))) {
    for await (const entry of log.entries(run.from, run.to, run.wanted)) entries.push(entry);
  }
  return { entries, size: log.size };
}

/** The newest records, newest first; at least one where there is one. */
export async function showNewest(
  { log, index }: LogPagePorts,
  { payloads, limit, ...query }: Newest["body"],
): Promise<Newest["ok"]> {
  // One more than is asked for says whether there are more.
  const found = await index.find({ ...query, limit: limit + 1, newest: true });
  const wanted = found.slice(0, limit);
  const entries: Entry[] = [];
  let characters = 0;
  for (const run of nearRuns(wanted.toReversed()).toReversed()) {
    const read: Entry[] = [];
    for await (const { record, payload } of log.entries(run.from, run.to, run.wanted)) {
      const fits = payloads && (record.payload?.bytes ?? 0) <= MAX_PAYLOAD;
      read.push({ record, payload: fits ? payload : null });
    }
    for (const entry of read.toReversed()) {
      characters +=
        JSON.stringify(entry.record).length + (entry.payload === null ? 0 : (entry.record.payload?.bytes ?? 0));
      if (entries.length > 0 && characters > MAX_CHARACTERS) return { entries, size: log.size, more: true };
      entries.push(entry);
    }
  }
  return { entries, size: log.size, more: found.length > limit };
}

/** Numbers in rising order as stretches of the log that are read at once. */
function nearRuns(seqs: readonly number[]): readonly { from: number; to: number; wanted: Set<number> }[] {
  const runs: { from: number; to: number; wanted: Set<number> }[] = [];
  for (const seq of seqs) {
    const last = runs.at(-1);
    if (last !== undefined && seq - last.to < BUNDLE) {
      last.to = seq + 1;
      last.wanted.add(seq);
    } else runs.push({ from: seq, to: seq + 1, wanted: new Set([seq]) });
  }
  return runs;
}

/** The cosigned checkpoint, when the record is in it: it proves more than one that the log signed alone. */
export async function cosignedOver(
  log: Pick<Log, "size" | "cosigned">,
  seq: number,
): Promise<{ readonly size: number; readonly note: string } | null> {
  const note = await log.cosigned();
  const size = note === null ? 0 : (parseCheckpoint(splitNote(note)?.text ?? "")?.size ?? 0);
  return note !== null && size > seq && size <= log.size ? { size, note } : null;
}
