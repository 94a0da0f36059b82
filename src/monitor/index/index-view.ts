import { canonicalize } from "../../kernel/canonical.ts";
import type { Log } from "../log/log.ts";
import { LogError } from "../log/error.ts";
import { isFound, refuseKinds, type RecordIndex, type RecordQuery } from "./record-index.ts";

/**
 * Finds records by the index, which is brought up to the log first: nothing is indexed while actions wait. Where it is far behind
 * (the first question of a long log), or cannot be written (a full disk), the log itself is looked through: what happened is shown
 * when it counts most, and nobody waits for an index of millions.
 */
export interface IndexView {
  find(query: RecordQuery): Promise<readonly number[]>;
  close(): void;
}

/** Records that a question waits for to be indexed: to look through as many takes a tenth of the time, to look through all does not. */
const FAR = 20_000;
/** What is looked through at a time, from the newest on. */
const STRETCH = 65_536;

/** The last record that the index knows is compared with the log, so that an index of another log is made anew. */
export function createIndexView(index: RecordIndex, log: Log, far: number = FAR): IndexView {
  let catching: Promise<void> | null = null;
  let closed = false;
  async function catchUp(): Promise<void> {
    for await (const { record } of log.records(Math.max(0, Math.min(index.next, log.size) - 1), log.size)) {
      if (closed) return;
      index.add(record);
    }
  }
  const caughtUp = (): Promise<void> =>
    (catching ??= catchUp().finally(() => {
      catching = null;
    }));
  return {
    async find(query) {
      refuseKinds(query);
      // What matches everything is where its numbers say: nobody waits for an index of millions to see the last page.
      if (isAnything(query)) return numbersOf(query, log.size);
      if (log.size - index.next > far) {
        const found = await lookThrough(log, query);
        caughtUp().catch(() => {}); // the next question finds what is wrong with it
        return found;
      }
      try {
        await caughtUp();
        return index.find(query);
      } catch (error) {
        // Of the log itself nothing else would know better.
        if (error instanceof LogError) throw error;
        return await lookThrough(log, query);
      }
    },
    close() {
      closed = true;
      index.close();
    },
  };
}

async function lookThrough(log: Log, query: RecordQuery): Promise<readonly number[]> {
  const { from, before = null, newest = false, limit } = query;
  const to = Math.min(before ?? log.size, log.size);
  const found: number[] = [];
  const having = textsOf(query);
  for (let at = from; at < to && found.length < limit; at += STRETCH) {
    const stretch = { start: at, end: Math.min(to, at + STRETCH) };
    if (newest) {
      stretch.end = to - (at - from);
      stretch.start = Math.max(from, stretch.end - STRETCH);
    }
    const here: number[] = [];
    for await (const { record } of log.records(stretch.start, stretch.end, having)) {
      if (!isFound(record, query)) continue;
      here.push(record.seq);
      if (!newest && found.length + here.length >= limit) break;
    }
    found.push(...(newest ? here.toReversed() : here));
  }
  return found.slice(0, Math.max(0, limit));
}

/** What stands in the text of each record that a query looks for, since records are RFC 8785; in others it may stand elsewhere. */
function textsOf({ instance, kinds, action = null, code = null }: RecordQuery): readonly (readonly string[])[] {
  return [
    ...(kinds.length === 0 ? [] : [kinds.map((kind) => memberOf("kind", kind))]),
    ...Object.entries({ instance, action, code }).flatMap(([name, value]) =>
      value === null ? [] : [[memberOf(name, value)]],
    ),
  ];
}

function memberOf(name: string, value: string): string {
  return `${canonicalize(name)}:${canonicalize(value)}`;
}

function isAnything({ instance, kinds, action = null, code = null }: RecordQuery): boolean {
  return instance === null && kinds.length === 0 && action === null && code === null;
}

function numbersOf({ from, before = null, newest = false, limit }: RecordQuery, size: number): readonly number[] {
  const end = Math.min(size, before ?? size);
  const count = Math.max(0, Math.min(limit, end - from));
  return Array.from({ length: count }, (_, at) => (newest ? end - 1 - at : from + at));
}
