import type { JsonObject } from "../kernel/json.ts";
import type { LogRecord, RecordBody } from "../protocol/record.ts";
import type { Entry, Log } from "./log/log.ts";
import { applyRecord } from "./reducer.ts";
import { StateFault } from "./state-fault.ts";
import type { State } from "./state.ts";

/**
 * The one way to change anything: write a record, wait until it is durable, then take it into the state.
 * RECORD-FIRST holds because nothing else writes to the state.
 */
export interface Journal {
  readonly state: State;
  /** Number of durable records. */
  size(): number;
  /** Resolves with the sequence number once the record is durable and the state shows it. Order is the order of calls. */
  write(body: RecordBody, payload?: JsonObject | null): Promise<number>;
}

/** A journal that remembers what the log could not take. */
export interface OwingJournal extends Journal {
  /**
   * Keeps a record that could not be written and must come to be, since what it tells of has happened: it is written when the
   * log works again, in the order of the calls and before anything goes on that stood still for the log.
   */
  owe(body: RecordBody, payload?: JsonObject | null): void;
  /** Writes what is owed, as far as the log takes it. Rejects with what refused the first that is left. */
  pay(): Promise<void>;
}

interface Owed {
  readonly body: RecordBody;
  readonly payload: JsonObject | null;
}

export function createJournal(
  log: Log,
  {
    state,
    now,
    onRecord,
  }: {
    readonly state: State;
    now(): number;
    onRecord(seq: number, body: RecordBody, payload: JsonObject | null): void;
  },
): OwingJournal {
  let owed: readonly Owed[] = [];

  async function write(body: RecordBody, payload: JsonObject | null = null): Promise<number> {
    const seq = await log.append(body, payload);
    applyRecord(state, { seq, at: now(), body, payload, replay: false });
    onRecord(seq, body, payload);
    return seq;
  }

  return {
    state,
    size: () => log.size,
    write,
    owe(body, payload = null) {
      owed = [...owed, { body, payload }];
    },
    async pay() {
      while (owed.length > 0) {
        const due = owed;
        owed = [];
        // Together, so that they share their syncs.
        const paid = await Promise.allSettled(due.map(({ body, payload }) => write(body, payload)));
        owed = [...due.filter((_, at) => paid[at]?.status === "rejected"), ...owed];
        const refused = paid.find(({ status }) => status === "rejected");
        if (refused?.status === "rejected") throw refused.reason;
      }
    },
  };
}

/** Rebuilds the state from the log; the monitor starts with it. Throws StateFault. */
export async function replay(
  log: Log,
  state: State,
  check: (record: LogRecord, payload: JsonObject | null) => void,
): Promise<void> {
  for await (const entry of log.entries(0, log.size)) replayEntry(entry, state, check);
  requireExplained(state);
}

/** Takes the next record of the log in. Throws StateFault. */
export function replayEntry(
  { record, payload }: Entry,
  state: State,
  check: (record: LogRecord, payload: JsonObject | null) => void,
): void {
  check(record, payload);
  noteMissing({ record, payload }, state);
  applyRecord(state, { seq: record.seq, at: record.at, body: record, payload, replay: true });
}

/**
 * Notes a payload that is gone and must not be without an owner's word. The uses of a grant are in the payloads of intents: one
 * that is gone would give a use back. What a call of a model has spent in the end is in that of its outcome. A snapshot of memory
 * without its texts has no signature either.
 */
export function noteMissing({ record, payload }: Entry, state: State): void {
  if (record.payload === null || payload !== null) return;
  if (record.kind === "memory-frozen" || countsForLimits(record, state)) state.unexplained.set(record.seq, record.at);
}

function countsForLimits(record: LogRecord, state: State): boolean {
  if (record.kind === "intent") return true;
  return record.kind === "outcome" && record.result !== "failed" && state.open.get(record.intent)?.spent !== undefined;
}

/** At the end of the log. Throws StateFault. */
export function requireExplained(state: State): void {
  for (const seq of state.unexplained.keys()) throw new StateFault(seq, "its payload is gone, and no owner erased it");
}
