import type { LogRecord } from "../protocol/record.ts";
import type { ConsoleRequests } from "../protocol/console-table.ts";
import { ask } from "./api.ts";

export type Entry = ConsoleRequests["log-newest"]["ok"]["entries"][number];

/** Records of one answer, and answers that are asked for at once. */
const PAGE = 500;
const PAGES = 10;

/** Records in their order, what the log's size was, and whether there were older ones than are here. */
export interface Stretch {
  readonly entries: readonly Entry[];
  readonly size: number;
  readonly cut: boolean;
}

/** The newest records of an instance from one on; a few thousand at most. */
export async function collect(instance: string, from: number): Promise<Stretch> {
  const entries: Entry[] = [];
  let [before, size, more]: [number | null, number, boolean] = [null, from, true];
  for (let page = 0; more && page < PAGES; page += 1) {
    const answer: ConsoleRequests["log-newest"]["ok"] = await ask("log-newest", {
      from,
      before,
      limit: PAGE,
      instance,
      kinds: [],
      action: null,
      payloads: true,
    });
    if (before === null) size = answer.size;
    entries.push(...answer.entries);
    more = answer.more;
    before = answer.entries.at(-1)?.record.seq ?? 0;
  }
  return { entries: entries.toReversed(), size, cut: more };
}

/** Number of the newest record that is known to be there, or -1. */
export function latest(recent: readonly LogRecord[]): number {
  return recent[0]?.seq ?? -1;
}
