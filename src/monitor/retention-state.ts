import { isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { DAY_MS, decodeRetention, isErasable, KEEP_ALL, type RetentionDays } from "../protocol/retention.ts";
import type { RecordBody } from "../protocol/record.ts";
import { explainErased } from "./erased-counts.ts";
import { numbersOf } from "./memory/ranges.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";

/** The rules of owners by which payloads are erased. */
export interface Rules {
  readonly days: RetentionDays;
  /** Number of the record that set them; null: none did. */
  readonly record: number | null;
  /** The shortest time that an owner ever signed for each kind: what was begun by an older rule is not undone by a newer. */
  readonly ever: RetentionDays;
}

/** A home begins so. */
export const NO_RULES: Rules = Object.freeze({ ...KEEP_ALL, record: null, ever: KEEP_ALL.days });

/** What was erased by rule so far. */
export interface Expired {
  /** By kind: payloads of all records of it before this number are gone, but for those passed over. */
  readonly next: Map<string, number>;
  /** Records that were passed over, since their actions were under way. */
  readonly passed: Set<number>;
  /** Records whose keys are to be destroyed, ascending within each batch. */
  unsettled: readonly number[];
}

type RetentionRecord = Extract<
  RecordBody,
  { readonly kind: "retention-set" | "payloads-expired" | "payloads-destroyed" }
>;

/** Takes records about retention into the state. Throws StateFault for what no monitor writes. */
export function applyRetention(
  state: State,
  record: {
    readonly seq: number;
    readonly at: number;
    readonly body: RetentionRecord;
    readonly payload: JsonObject | null;
  },
): void {
  const { seq, body, payload } = record;
  switch (body.kind) {
    case "retention-set": {
      const setting = decodeRetention(payload?.["document"] ?? null);
      if (setting.kind !== "ok") throw new StateFault(seq, `its rules do not decode: ${setting.message}`);
      const stays = Object.keys(setting.value.days).find((kind) => !isErasable(kind));
      if (stays !== undefined) throw new StateFault(seq, `it has a rule about ${stays}, which must stay`);
      const ever: Record<string, number> = { ...state.retention.ever };
      for (const [kind, days] of Object.entries(setting.value.days)) ever[kind] = Math.min(ever[kind] ?? days, days);
      state.retention = { days: setting.value.days, record: seq, ever };
      return;
    }
    case "payloads-expired":
      return expire(state, { ...record, body });
    case "payloads-destroyed":
      if (body.count !== state.expired.unsettled.length)
        throw new StateFault(seq, "it tells of another number of keys");
      state.expired.unsettled = [];
      return;
    default:
      body satisfies never;
  }
}

/** Nobody signs what a rule erases, so the rule must be there, and what went without a word must be as old as it says. */
function expire(
  state: State,
  {
    seq,
    at,
    body,
    payload,
  }: {
    readonly seq: number;
    readonly at: number;
    readonly body: Extract<RecordBody, { readonly kind: "payloads-expired" }>;
    readonly payload: JsonObject | null;
  },
): void {
  const gone = numbersOf(payload?.["records"]);
  const passed = numbersOf(payload?.["passed"]);
  if (gone?.length !== body.count || passed === null) throw new StateFault(seq, "it does not say which records");
  const { expired } = state;
  const { ever } = state.retention;
  const shortest = Math.min(...Object.values(ever));
  for (const [kind, next] of Object.entries(body.next)) {
    if (!Object.hasOwn(ever, kind)) throw new StateFault(seq, `no owner set a rule about ${kind}`);
    if (next < (expired.next.get(kind) ?? 0) || next > seq) throw new StateFault(seq, `its place of ${kind} is none`);
    expired.next.set(kind, next);
  }
  for (const each of passed) expired.passed.add(each);
  for (const each of gone) {
    expired.passed.delete(each);
    const since = state.unexplained.get(each);
    if (since !== undefined && since + shortest * DAY_MS > at)
      throw new StateFault(seq, `record ${each} is not as old as any rule says`);
  }
  const named = new Set(gone);
  for (const row of rowsOf(seq, payload?.["kept"])) {
    if (!named.has(row.record)) throw new StateFault(seq, `it keeps something of record ${row.record}, which stays`);
    explainErased(state, { seq, ...row });
  }
  const owed = gone.find((each) => state.unexplained.has(each));
  if (owed !== undefined) throw new StateFault(seq, `it does not say what record ${owed} counts for`);
  expired.unsettled = [...expired.unsettled, ...gone];
}

function rowsOf(
  seq: number,
  kept: JsonValue | undefined,
): readonly { readonly record: number; readonly kept: JsonValue }[] {
  if (!Array.isArray(kept)) throw new StateFault(seq, 'payload has no list "kept"');
  return kept.map((row: JsonValue) => {
    const record = isObject(row) ? row["record"] : null;
    if (typeof record !== "number") throw new StateFault(seq, "what it keeps is no row");
    return { record, kept: row };
  });
}
