import { settleSpent } from "../kernel/limits.ts";
import { isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { actuallySpent, spentIn } from "../protocol/spent.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { Log } from "./log/log.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";
import { countUse } from "./uses.ts";

/**
 * What payloads that go count for, by the numbers of their records, so that no limit is forgotten with them: of an intent its
 * grants, its bytes and what it spent; of the outcome of a call of a model what it spent in the place of what was expected.
 * Nothing of other records. The actions must have ended.
 */
export async function countsOf(
  log: Pick<Log, "size" | "entries" | "records">,
  due: readonly LogRecord[],
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<ReadonlyMap<number, JsonObject>> {
  const going = new Set(due.map(({ seq }) => seq));
  const intents = new Set(due.filter(({ kind }) => kind === "intent").map(({ seq }) => seq));
  const wanted = new Set([...intents, ...(await outcomesOf(log, intents))]);
  for (const record of due) if (record.kind === "outcome") wanted.add(record.seq).add(record.intent);
  const counts = new Map<number, JsonObject>();
  const begun = new Map<number, JsonObject>();
  if (wanted.size === 0) return counts;
  for await (const { record, payload } of log.entries(Math.min(...wanted), Math.max(...wanted) + 1, wanted)) {
    await pause();
    if (record.kind === "intent" && payload !== null) {
      begun.set(record.seq, payload);
      if (going.has(record.seq)) counts.set(record.seq, countOf(payload, null));
    }
    const intent = record.kind === "outcome" ? begun.get(record.intent) : undefined;
    if (record.kind !== "outcome" || intent === undefined) continue;
    const expected = spentIn(intent["spent"]);
    const spent = expected === null ? null : actuallySpent(record.result, payload, expected);
    if (going.has(record.intent)) counts.set(record.intent, countOf(intent, { bytes: record.bytes, spent }));
    if (going.has(record.seq) && expected !== null && spent !== null)
      counts.set(record.seq, { grants: intent["grants"] ?? [], expected: { ...expected }, spent: { ...spent } });
  }
  return counts;
}

function countOf(
  intent: JsonObject,
  outcome: { readonly bytes: number; readonly spent: ReturnType<typeof spentIn> } | null,
): JsonObject {
  const bytes = typeof intent["bytes"] === "number" ? intent["bytes"] : 0;
  // What a call was expected to spend is at least what it spent.
  const spent = outcome?.spent ?? spentIn(intent["spent"]);
  const grants = intent["grants"] ?? [];
  return { grants, bytes: bytes + (outcome?.bytes ?? 0), ...(spent !== null && { spent: { ...spent } }) };
}

/** The numbers of the outcomes of these intents. */
async function outcomesOf(
  log: Pick<Log, "size" | "records">,
  intents: ReadonlySet<number>,
): Promise<readonly number[]> {
  const found: number[] = [];
  if (intents.size === 0) return found;
  for await (const { record } of log.records(Math.min(...intents), log.size)) {
    if (record.kind !== "outcome" || !intents.has(record.intent)) continue;
    found.push(record.seq);
    if (found.length === intents.size) break;
  }
  return found;
}

/**
 * While the log is replayed: takes what an erased payload counts for from the record that says so, when it is gone indeed.
 * Throws StateFault.
 */
export function explainErased(
  state: State,
  { seq, record, kept }: { readonly seq: number; readonly record: number; readonly kept: JsonValue | undefined },
): void {
  const at = state.unexplained.get(record);
  state.unexplained.delete(record);
  if (at === undefined) return;
  if (kept === undefined || !isObject(kept)) throw new StateFault(seq, 'payload has no "kept"');
  const list = kept["grants"];
  if (!Array.isArray(list)) throw new StateFault(seq, 'payload has no list "grants"');
  const grants = list.filter((id: JsonValue) => typeof id === "string");
  const spent = spentIn(kept["spent"]);
  const expected = spentIn(kept["expected"]);
  if (expected !== null && spent !== null) {
    for (const id of grants) {
      const used = state.usage.get(id);
      if (used !== undefined) state.usage.set(id, settleSpent(used, { expected, actual: spent }));
    }
    return;
  }
  const bytes = typeof kept["bytes"] === "number" ? kept["bytes"] : 0;
  countUse(state, { grants, at, bytes, ...(spent === null ? {} : { spent }) });
}
