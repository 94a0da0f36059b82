import type { JsonObject } from "../kernel/json.ts";
import type { Clock, Timer } from "../platform/powers.ts";
import { DAY_MS } from "../protocol/retention.ts";
import type { RetentionView } from "../protocol/log-requests.ts";
import type { LogRecord } from "../protocol/record.ts";
import { countsOf } from "./erased-counts.ts";
import { isUnderWay, leftToErase } from "./erasing.ts";
import type { Journal } from "./journal.ts";
import type { Log } from "./log/log.ts";
import { rangesOf } from "./memory/ranges.ts";
import { createPause } from "./pausing.ts";
import type { TrustedClock } from "./trusted-clock.ts";

/** How often it is looked for payloads that are past their time: a time in days needs no more. */
const LOOK_MS = 3_600_000;
/** Soon after rules were set, or after more was left than one look may do. */
const SOON_MS = 1000;
/** Payloads of one record, and of one look: keys are destroyed once a look, since that writes all others anew. */
const BATCH = 2000;
const MOST = 100_000;

export interface RetentionPorts {
  readonly log: Pick<Log, "size" | "entries" | "records" | "erase">;
  readonly journal: Journal;
  readonly timer: Timer;
  readonly clock: Pick<Clock, "micros">;
  readonly trusted: Pick<TrustedClock, "now" | "mayDestroy">;
  /** The payload of this record is gone. */
  forget(seq: number): void;
  report(words: string): void;
}

/**
 * Destroys the keys of payloads that are older than owners' rules keep them. What goes is on record first, and what it counts
 * for; a monitor that ends in between goes on at its next start. Nobody waits for the look itself, which is done in turns of a
 * millisecond; appends wait while keys are wrapped anew, once a look.
 */
export interface Retention {
  /** Finishes what an earlier run had begun; the log takes records. */
  begin(): Promise<void>;
  /** Rules were set. */
  changed(): void;
  /** Looks once; resolves when what was found is destroyed. */
  look(): Promise<void>;
  view(): RetentionView;
  stop(): void;
}

interface Due {
  readonly records: readonly LogRecord[];
  /** Found under way, for the first time. */
  readonly passed: readonly number[];
  /** By kind: everything of it before this was looked at. */
  readonly next: ReadonlyMap<string, number>;
}

export function createRetention(ports: RetentionPorts): Retention {
  const { log, journal, timer, trusted, report } = ports;
  const { state } = journal;
  const { expired } = state;
  const pause = createPause(ports);
  /** What was looked at and needed no record yet: places by kind, and what was under way. */
  const looked = { next: new Map<string, number>(), passed: new Set<number>() };
  let cancel: (() => void) | null = null;
  let work: Promise<void> = Promise.resolve();
  let stopped = false;

  function dueAt(record: LogRecord, now: number): boolean {
    const days = state.retention.days[record.kind];
    return days !== undefined && record.at + days * DAY_MS <= now;
  }

  /** What was under way when it was looked at, and is not any more. */
  async function endedSince(now: number): Promise<readonly LogRecord[]> {
    const ended: LogRecord[] = [];
    const waiting = new Set([...expired.passed, ...looked.passed]);
    for (const seq of waiting) {
      if (ended.length >= BATCH) break;
      for await (const { record, kept } of log.records(seq, seq + 1)) {
        if (kept && dueAt(record, now) && !isUnderWay(record, state)) ended.push(record);
      }
      await pause();
    }
    return ended;
  }

  /** The next payloads past their time, from where the last look ended; records are in the order of their time. */
  async function findDue(now: number): Promise<Due> {
    const records = [...(await endedSince(now))];
    const passed = [...looked.passed].filter((seq) => !expired.passed.has(seq));
    const next = new Map<string, number>();
    for (const kind of Object.keys(state.retention.days))
      next.set(kind, Math.max(expired.next.get(kind) ?? 0, looked.next.get(kind) ?? 0));
    const going = new Map(next);
    const to = log.size;
    const youngest = now - Math.min(...Object.values(state.retention.days)) * DAY_MS;
    for await (const { record, kept } of log.records(Math.min(to, ...next.values()), to)) {
      // Nothing behind it is older: a kind that hardly comes is not looked for to the end of the log.
      if (record.at > youngest || going.size === 0 || records.length >= BATCH || stopped) break;
      const from = going.get(record.kind);
      if (from !== undefined && record.seq >= from) {
        if (!dueAt(record, now)) going.delete(record.kind);
        else if (kept && isUnderWay(record, state)) passed.push(record.seq);
        else if (kept) records.push(record);
      }
      for (const kind of going.keys()) next.set(kind, Math.max(next.get(kind) ?? 0, record.seq + 1));
      await pause();
    }
    return { records: records.toSorted((a, b) => a.seq - b.seq), passed: passed.toSorted((a, b) => a - b), next };
  }

  /** Writes down what goes next; false when there is nothing. */
  async function expireSome(): Promise<boolean> {
    if (stopped) return false;
    const now = trusted.now();
    const { records, passed, next } = await findDue(now);
    if (records.length === 0) {
      for (const [kind, seq] of next) looked.next.set(kind, seq);
      for (const seq of passed) looked.passed.add(seq);
      return false;
    }
    const counts = await countsOf(log, records, pause);
    const kept: JsonObject[] = [...counts].map(([record, count]) => ({ record, ...count }));
    const numbers = records.map(({ seq }) => seq);
    // An owner may have said meanwhile that it is earlier: then nothing of this is past its time.
    if (stopped || !trusted.mayDestroy() || trusted.now() < now) return false;
    await journal.write(
      { kind: "payloads-expired", count: numbers.length, next: Object.fromEntries(next) },
      { records: rangesOf(numbers), passed: rangesOf(passed), kept },
    );
    for (const seq of numbers) looked.passed.delete(seq);
    return true;
  }

  async function settle(): Promise<void> {
    const gone = expired.unsettled;
    if (gone.length === 0) return;
    await log.erase(gone);
    for (const seq of gone) ports.forget(seq);
    await journal.write({ kind: "payloads-destroyed", count: gone.length });
  }

  async function lookNow(): Promise<void> {
    await settle();
    for (let more = true; more && trusted.mayDestroy() && expired.unsettled.length < MOST;) more = await expireSome();
    if (!stopped) await settle();
  }

  function look(): Promise<void> {
    const turn = work.then(lookNow);
    work = turn.catch((error: unknown) =>
      report(`retention: ${error instanceof Error ? error.message : String(error)}`),
    );
    return turn;
  }

  function later(milliseconds: number): void {
    cancel?.();
    if (stopped) return;
    cancel = timer.after(milliseconds, () => {
      void look()
        .catch(() => {}) // it was reported
        .finally(() => later(LOOK_MS));
    });
  }

  return {
    async begin() {
      const left = await leftToErase(log, state);
      if (left.length > 0) await log.erase(left);
      await settle();
      later(SOON_MS);
    },
    changed: () => later(SOON_MS),
    look,
    view: () => ({
      days: state.retention.days,
      record: state.retention.record,
      next: Object.fromEntries(expired.next),
      waits: Object.keys(state.retention.days).length > 0 && !trusted.mayDestroy(),
    }),
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
