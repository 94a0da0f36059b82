import type { JsonObject } from "../kernel/json.ts";
import type { RecordKind } from "../protocol/record.ts";
import { Refusal } from "./faults.ts";
import type { Entry, Log } from "./log/log.ts";
import { spentIn } from "../protocol/spent.ts";
import type { State } from "./state.ts";

/**
 * Kinds whose payload tells what was done and with what, and nothing that the state is made of. What adds authority is not
 * among them: a start must find every signature again (NO-SELF-WIDENING).
 */
const ERASABLE: ReadonlySet<RecordKind> = new Set([
  "intent",
  "outcome",
  "held",
  "denied",
  "terminal",
  "programs-started",
  "calls-refused",
  "files-written",
  "files-refused",
  "files-undone",
  "port-visited",
  "console-visited",
]);

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
  { log, state }: { readonly log: Pick<Log, "size" | "entries">; readonly state: State },
): Promise<JsonObject> {
  const entry = seq < log.size ? await entryAt(log, seq) : null;
  if (entry === null) throw new Refusal("bad-request", `The log has no record ${seq}.`, `It has ${log.size}.`);
  const { record, payload } = entry;
  if (payload === null)
    throw new Refusal("nothing-to-erase", `Record ${seq} has no payload, or it was erased.`, "Run `aios log show`.");
  if (!ERASABLE.has(record.kind))
    throw new Refusal(
      "not-erasable",
      `The payload of record ${seq} (${record.kind}) is what the monitor's state is made of.`,
      "Payloads of actions, their results and what happened inside can be erased.",
    );
  const waits = "action" in record && state.held.ofAction(record.action) !== undefined;
  if (waits || state.open.has(seq))
    throw new Refusal("not-erasable", `The action of record ${seq} is under way.`, "Try again when it has ended.");
  if (record.kind !== "intent") return {};
  const outcome = await outcomeOf(log, seq);
  const [bytes, spent] = [payload["bytes"], spentIn(payload["spent"])];
  const kept = {
    grants: payload["grants"] ?? [],
    bytes: (typeof bytes === "number" ? bytes : 0) + (outcome?.bytes ?? 0),
    // What a call was expected to spend is at least what it spent.
    ...(spent !== null && outcome?.result !== "failed" && { spent: { ...spent } }),
  };
  return { kept };
}

/** Records that an owner had erased and whose payloads open all the same: the monitor ended between the two. */
export async function leftToErase(log: Log, state: State): Promise<readonly number[]> {
  const left: number[] = [];
  for (const seq of state.erased) if ((await entryAt(log, seq))?.payload != null) left.push(seq);
  return left;
}

async function entryAt(log: Pick<Log, "entries">, seq: number): Promise<Entry | null> {
  for await (const entry of log.entries(seq, seq + 1)) return entry;
  return null;
}

async function outcomeOf(log: Pick<Log, "size" | "entries">, intent: number) {
  for await (const { record } of log.entries(intent + 1, log.size)) {
    if (record.kind === "outcome" && record.intent === intent) return record;
  }
  return null;
}
