import type { Log } from "../log/log.ts";
import { LogError } from "../log/error.ts";
import { isFound, refuseKinds, type RecordIndex, type RecordQuery } from "./record-index.ts";

/**
 * Finds records by the index, which is brought up to the log first: nothing is indexed while actions wait. Where the index
 * cannot be written (a full disk), the log itself is looked through: what happened is shown when it counts most.
 */
export interface IndexView {
  find(query: RecordQuery): Promise<readonly number[]>;
  close(): void;
}

/** The last record that the index knows is compared with the log, so that an index of another log is made anew. */
export function createIndexView(index: RecordIndex, log: Log): IndexView {
  let catching: Promise<void> | null = null;

  async function catchUp(): Promise<void> {
    for await (const { record } of log.records(Math.max(0, Math.min(index.next, log.size) - 1), log.size))
      index.add(record);
  }

  return {
    async find(query) {
      refuseKinds(query);
      // What matches everything is where its numbers say: nobody waits for an index of millions to see the last page.
      if (isAnything(query)) return numbersOf(query, log.size);
      catching ??= catchUp().finally(() => {
        catching = null;
      });
      try {
        await catching;
        return index.find(query);
      } catch (error) {
        // Of the log itself nothing else would know better.
        if (error instanceof LogError) throw error;
        return await lookThrough(log, query);
      }
    },
    close: () => index.close(),
  };
}

async function lookThrough(log: Log, query: RecordQuery): Promise<readonly number[]> {
  const { from, before = null, newest = false, limit } = query;
  const to = Math.min(before ?? log.size, log.size);
  const found: number[] = [];
  if (limit <= 0 || from >= to) return found;
  for await (const { record } of log.records(from, to)) {
    if (!isFound(record, query)) continue;
    found.push(record.seq);
    if (found.length <= limit - (newest ? 0 : 1)) continue;
    if (!newest) break;
    found.shift();
  }
  return newest ? found.toReversed() : found;
}

function isAnything({ instance, kinds, action = null, code = null }: RecordQuery): boolean {
  return instance === null && kinds.length === 0 && action === null && code === null;
}

function numbersOf({ from, before = null, newest = false, limit }: RecordQuery, size: number): readonly number[] {
  const end = Math.min(size, before ?? size);
  const count = Math.max(0, Math.min(limit, end - from));
  return Array.from({ length: count }, (_, at) => (newest ? end - 1 - at : from + at));
}
