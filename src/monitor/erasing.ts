import type { JsonObject } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import { ERASABLE, isErasable, type RetentionDays } from "../protocol/retention.ts";
import { countsOf } from "./erased-counts.ts";
import { Refusal } from "./faults.ts";
import type { Entry, Log } from "./log/log.ts";
import type { State } from "./state.ts";

/** What an owner's statement about an erasure is about; throws a Refusal when it is none. */
export function readErasure(document: JsonObject): number {
  const seq = document["record"];
  if (Object.keys(document).length !== 1 || typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 0)
    throw new Refusal("bad-document", "An erasure names one record.", "See docs/formats/statement.md.");
  return seq;
}

/**
 * What must be kept of a payload that is to be erased, for the record of the erasure: what a use of a grant counts for, so
 * that no limit is forgotten with it. Throws a Refusal when the payload is not there, or must stay.
 */
export async function keptOf(
  seq: number,
  { log, state }: { readonly log: Pick<Log, "size" | "entries" | "records">; readonly state: State },
): Promise<JsonObject> {
  const entry = seq < log.size ? await entryAt(log, seq) : null;
  if (entry === null) throw new Refusal("bad-request", `The log has no record ${seq}.`, `It has ${log.size}.`);
  const { record, payload } = entry;
  if (payload === null)
    throw new Refusal("nothing-to-erase", `Record ${seq} has no payload, or it was erased.`, "Run `aios log show`.");
  if (!isErasable(record.kind) && record.kind !== "memory-frozen")
    throw new Refusal(
      "not-erasable",
      `The payload of record ${seq} (${record.kind}) is what the monitor's state is made of.`,
      "Payloads of actions, their results, what happened inside, and snapshots of memory can be erased.",
    );
  if (isUnderWay(record, state))
    throw new Refusal("not-erasable", `The action of record ${seq} is under way.`, "Try again when it has ended.");
  const kept = (await countsOf(log, [record])).get(seq);
  return kept === undefined ? {} : { kept };
}

/** Whether the payload of a record is still needed: its action waits for an answer, or is not over. */
export function isUnderWay(record: LogRecord, state: Pick<State, "held" | "open">): boolean {
  return state.open.has(record.seq) || ("action" in record && state.held.ofAction(record.action) !== undefined);
}

/** Throws a Refusal for a rule about a kind whose payloads must stay. */
export function refuseRules(days: RetentionDays): void {
  const stays = Object.keys(days).find((kind) => !isErasable(kind));
  if (stays === undefined) return;
  throw new Refusal(
    "not-erasable",
    `Payloads of ${stays} stay: no rule can be about them.`,
    `Rules are about ${ERASABLE.join(", ")}.`,
  );
}

/** Records that an owner had erased and whose payloads open all the same: the monitor ended between the two. */
export async function leftToErase(log: Pick<Log, "entries">, state: State): Promise<readonly number[]> {
  const left: number[] = [];
  for (const seq of state.erased) if ((await entryAt(log, seq))?.payload != null) left.push(seq);
  return left;
}

async function entryAt(log: Pick<Log, "entries">, seq: number): Promise<Entry | null> {
  for await (const entry of log.entries(seq, seq + 1)) return entry;
  return null;
}
