import type { CliRequests } from "../protocol/requests.ts";
import type { MonitorClient } from "./powers.ts";

type Page = CliRequests["log-show"]["ok"];
export type ShownEntry = Page["entries"][number];

/** Records of one answer. */
const PAGE = 2000;

/** How many records the log has. */
export async function logSize(client: MonitorClient): Promise<number> {
  return (await show(client, { from: 0, limit: 1 })).size;
}

/** Number of the first record of this moment or later (milliseconds since 1970 UTC); the size of the log when there is none. */
export async function firstSince(client: MonitorClient, since: number): Promise<number> {
  // Records are in the order of their time, so the first one is found by halving.
  let [low, high] = [0, await logSize(client)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = (await show(client, { from: middle, limit: 1 })).entries;
    if (entry !== undefined && entry.record.at < since) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The records from `from` up to but excluding `to`, in order; of some kinds where any are named. */
export async function* walkLog(
  client: MonitorClient,
  { from, to, kinds = [] }: { readonly from: number; readonly to: number; readonly kinds?: readonly string[] },
): AsyncGenerator<ShownEntry, void, undefined> {
  for (let next = from; next < to;) {
    const { entries } = await show(client, { from: next, limit: PAGE, kinds });
    const last = entries.at(-1);
    if (last === undefined) return;
    for (const entry of entries) if (entry.record.seq < to) yield entry;
    next = last.record.seq + 1;
  }
}

function show(
  client: MonitorClient,
  { from, limit, kinds = [] }: { readonly from: number; readonly limit: number; readonly kinds?: readonly string[] },
): Promise<Page> {
  return client.request("log-show", { from, limit, instance: null, kinds });
}
