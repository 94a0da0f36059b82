import type { WitnessView } from "../protocol/witness-standing.ts";
import type { IndexView } from "./index/index-view.ts";
import type { Log } from "./log/log.ts";

/** Records of witnesses that are looked at: more ways to be wrong than a quorum has witnesses. */
const MOST_RECORDS = 64;

/** What a witness found of the log, and the number of the record of it. */
export interface Recalled {
  readonly seq: number;
  readonly trouble: NonNullable<WitnessView["trouble"]>;
}

/** By name, the newest that each of the witnesses in force is on record with: a start forgets nothing of it. */
export async function recallWitnesses({
  index,
  log,
}: {
  readonly index: Pick<IndexView, "find">;
  readonly log: Pick<Log, "records">;
}): Promise<ReadonlyMap<string, Recalled>> {
  const recalled = new Map<string, Recalled>();
  const kinds = ["witnesses-set", "witness-refused"];
  for (const seq of await index.find({ from: 0, limit: MOST_RECORDS, newest: true, instance: null, kinds })) {
    for await (const { record } of log.records(seq, seq + 1)) {
      if (record.kind === "witnesses-set") return recalled;
      if (record.kind !== "witness-refused" || recalled.has(record.witness)) continue;
      const { code, size, seen, at } = record;
      recalled.set(record.witness, { seq, trouble: { code, size, seen, status: null, at } });
    }
  }
  return recalled;
}
