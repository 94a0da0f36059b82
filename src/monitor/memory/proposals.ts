import type { MemoryBook } from "../../kernel/memory-book.ts";
import type { MemoryRequests, ProposedFreeze } from "../../protocol/memory-table.ts";
import type { IndexView } from "../index/index-view.ts";
import type { Log } from "../log/log.ts";

/** Proposals that are shown, and records that are looked through for them. */
const MOST = 20;
const LOOKED_AT = 200;

/**
 * What agents proposed to freeze and nobody answered: the newest of each snapshot, as long as no version was frozen after it and
 * something of it is left. The newest first.
 */
export async function openProposals({
  log,
  index,
  book,
}: {
  readonly log: Pick<Log, "records">;
  readonly index: Pick<IndexView, "find">;
  readonly book: Pick<MemoryBook, "holds" | "snapshots">;
}): Promise<MemoryRequests["memory-proposals"]["ok"]> {
  const kinds = ["memory-proposed"];
  const found = await index.find({ from: 0, newest: true, limit: LOOKED_AT + 1, instance: null, kinds });
  const newest = new Map<string, ProposedFreeze>();
  for (const seq of found.slice(0, LOOKED_AT)) {
    for await (const { record } of log.records(seq, seq + 1)) {
      if (record.kind !== "memory-proposed") continue;
      const { agent, name, instance, entries, at } = record;
      if (newest.has(`${agent}/${name}`)) continue;
      newest.set(`${agent}/${name}`, { record: seq, at, agent, name, instance, entries });
    }
  }
  const open = [...newest.values()].filter(
    ({ record, entries, ...of }) =>
      (book.snapshots.newest(of)?.record ?? -1) < record && entries.some((entry) => book.holds(entry)),
  );
  return { proposals: open.slice(0, MOST), more: open.length > MOST || found.length > LOOKED_AT };
}
