import type { JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { Entry, Log } from "../../src/monitor/log/log.ts";
import type { LogRecord, RecordBody } from "../../src/protocol/record.ts";

/**
 * A log in memory that keeps the contract of `Log`: order, durability, and what follows a failure. Once an append has
 * failed every other is refused until `recover()`, which drops what the failed one may have left; only a restart, a new
 * log over the same `kept`, can still find that it was written.
 */
export interface MemoryLog extends Log {
  /** What is on the disk, acknowledged or not. */
  readonly kept: readonly Entry[];
  /** The next append fails: `before` it wrote anything, or `after`, so that the record is there and nobody was told. */
  failNext(when: "before" | "after"): void;
}

export function createMemoryLog(start: string, kept: Entry[] = [], now: () => number = Date.now): MemoryLog {
  let failing: "before" | "after" | null = null;
  let working = true;
  let acknowledged = kept.length;
  let last: Promise<unknown> = Promise.resolve();

  function write(body: RecordBody, payload: JsonObject | null): number {
    const record: LogRecord = { v: 1, seq: kept.length, at: now(), start, payload: null, ...body };
    kept.push({ record, payload: payload === null ? null : (JSON.parse(JSON.stringify(payload)) as JsonObject) }); // as the disk would
    return record.seq;
  }

  return {
    kept,
    failNext(when) {
      failing = when;
    },
    get size() {
      return acknowledged;
    },
    key: { name: "memory", publicKey: new Uint8Array(32) },
    pace: { millis: 0, waiting: 0 },
    append(body, payload) {
      const turn = last.then(() => {
        const fails = working ? failing : "before";
        if (working) failing = null;
        working = fails === null;
        if (fails === "before") throw new Error("log-unavailable");
        const seq = write(body, payload);
        if (fails === "after") throw new Error("log-unavailable");
        acknowledged = kept.length;
        return seq;
      });
      last = turn.catch(() => {});
      return turn;
    },
    async *entries(from, to, only) {
      for (const entry of kept.slice(from, to)) if (only?.has(entry.record.seq) ?? true) yield entry;
    },
    async *records(from, to) {
      for (const { record, payload } of kept.slice(from, to)) yield { record, kept: payload !== null };
    },
    disclosed: () => {
      throw new Error("a log in memory seals nothing");
    },
    settle: () => Promise.reject(new Error("a log in memory has no files")),
    around: () => Promise.reject(new Error("a log in memory has no proofs")),
    // Of the records as they stand, which is what a root is for.
    rootAt: async (size) => createCrypto().sha256(JSON.stringify(kept.slice(0, size).map(({ record }) => record))),
    checkpoint: () => Promise.reject(new Error("a log in memory has no checkpoint")),
    inclusion: () => Promise.reject(new Error("a log in memory has no proofs")),
    consistency: () => Promise.reject(new Error("a log in memory has no proofs")),
    keepCosigned: () => Promise.reject(new Error("a log in memory has no checkpoint")),
    erase: () => Promise.resolve(),
    cosigned: () => Promise.resolve(null),
    doubt: () => null,
    recover: () => {
      kept.length = acknowledged;
      working = true;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
