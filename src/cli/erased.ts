import type { LogRecord } from "../protocol/record.ts";
import { logSize, walkLog } from "./log-walk.ts";
import type { MonitorClient } from "./powers.ts";

interface Found {
  readonly byOwner: ReadonlySet<number>;
  /** By kind: before which number rules erased all. */
  readonly next: { readonly [kind: string]: number };
}

/** Says why the payload of a record is not there. The log is asked the first time that one is missing. */
export function createErased(client: MonitorClient): (record: LogRecord) => Promise<string> {
  let found: Promise<Found> | null = null;
  async function look(): Promise<Found> {
    const byOwner = new Set<number>();
    const { next } = await client.request("retention", {});
    for await (const { record } of walkLog(client, { from: 0, to: await logSize(client), kinds: ["payload-erased"] }))
      if (record.kind === "payload-erased") byOwner.add(record.record);
    return { byOwner, next };
  }
  return async ({ kind, seq }) => {
    found ??= look();
    const { byOwner, next } = await found;
    if (byOwner.has(seq)) return "erased by an owner";
    return seq < (next[kind] ?? 0) ? "erased by rule" : "its key is gone";
  };
}
