import type { Timer } from "../platform/powers.ts";
import type { WardNews } from "../platform/supervisor-link.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import { EXAMPLES_MOST, type RefusedFile, type StoppedCall } from "../sandbox/evidence.ts";
import type { Instances } from "./instances.ts";
import type { OwingJournal } from "./journal.ts";
import { AUDIT_FAILED } from "./log-freeze.ts";
import type { LiveInstance } from "./live.ts";

/** What language runtimes try each time that they start (libuv: three times); recorded, and no sign of anything. */
const PROBES: ReadonlySet<string> = new Set(["io_uring_setup"]);
/** Refused calls within the span that freeze an instance. Test suites and builds make a few dozen (docs/decisions). */
export const REFUSED_IN_SPAN = 256;
/** Milliseconds. */
export const REFUSED_SPAN_MS = 10_000;
/** Least time between two records of refused calls of one instance, milliseconds: a flood must not fill the log. */
const RECORD_EVERY_MS = 1000;

export interface InsidePorts {
  readonly journal: OwingJournal;
  readonly instances: Pick<Instances, "terminate" | "freeze" | "end">;
  readonly timer: Timer;
  /** Milliseconds of a clock that cannot be set. */
  now(): number;
}

/** What was refused to one instance that no record tells of yet, and the run that it may be in. */
interface Refusals {
  calls: Map<string, number>;
  examples: readonly StoppedCall[];
  /** Changes to files. */
  changes: number;
  files: readonly RefusedFile[];
  recordedAt: number;
  waits: boolean;
  run: { readonly at: number; readonly count: number }[];
}

/**
 * Takes down what the supervisor reports from inside agents' sandboxes, and acts on it: TERMINAL on a terminal call, a
 * freeze on a run of refused ones, the end when nobody supervises it any more (CONFINED-OR-NOT-AT-ALL). What cannot be
 * written stops the instance, as every failed audit does.
 */
export function createInside(ports: InsidePorts): (live: LiveInstance, news: WardNews) => void {
  const { journal, instances, timer, now } = ports;
  const refusals = new WeakMap<LiveInstance, Refusals>();

  function write(live: LiveInstance, body: RecordBody, payload: JsonObject): void {
    journal.write(body, payload).catch(() => {
      journal.owe(body, payload);
      void instances.freeze(live, AUDIT_FAILED);
    });
  }

  function refusalsOf(live: LiveInstance): Refusals {
    const known = refusals.get(live);
    if (known !== undefined) return known;
    const made: Refusals = {
      calls: new Map(),
      examples: [],
      changes: 0,
      files: [],
      recordedAt: -Infinity,
      waits: false,
      run: [],
    };
    refusals.set(live, made);
    return made;
  }

  function record(live: LiveInstance, refused: Refusals): void {
    const { instance, agent } = live.state;
    const { calls, changes } = refused;
    if (calls.size === 0 && changes === 0) return;
    const examples = refused.examples.map((example) => ({ ...example }));
    const files = refused.files.map((file) => ({ ...file }));
    refused.calls = new Map();
    refused.examples = [];
    refused.changes = 0;
    refused.files = [];
    refused.recordedAt = now();
    if (calls.size > 0) {
      write(live, { kind: "calls-refused", instance, agent, calls: Object.fromEntries(calls) }, { examples });
    }
    if (changes > 0) write(live, { kind: "files-refused", instance, agent, count: changes }, { files });
  }

  function takeRefused(live: LiveInstance, news: Extract<WardNews, { event: "refused" }>): void {
    const refused = refusalsOf(live);
    let count = 0;
    for (const [call, times] of Object.entries(news.calls)) {
      refused.calls.set(call, (refused.calls.get(call) ?? 0) + times);
      if (!PROBES.has(call)) count += times;
    }
    const shown = new Set(refused.examples.map(({ call }) => call));
    refused.examples = [...refused.examples, ...news.examples.filter(({ call }) => !shown.has(call))];
    addToRun(live, refused, count);
  }

  function takeKeptOut(live: LiveInstance, news: Extract<WardNews, { event: "files-refused" }>): void {
    const refused = refusalsOf(live);
    refused.changes += news.count;
    refused.files = [...refused.files, ...news.files].slice(0, EXAMPLES_MOST);
    addToRun(live, refused, news.count);
  }

  /** Freezes on a run; records otherwise, now or when the last record is old enough. */
  function addToRun(live: LiveInstance, refused: Refusals, count: number): void {
    const at = now();
    refused.run = [...refused.run.filter((each) => each.at > at - REFUSED_SPAN_MS), { at, count }];
    const inSpan = refused.run.reduce((sum, each) => sum + each.count, 0);
    if (inSpan >= REFUSED_IN_SPAN) {
      refused.run = [];
      record(live, refused);
      void instances.freeze(live, {
        by: { kind: "monitor", why: "a run of refused system calls and changes to files" },
        code: "refused-calls",
      });
      return;
    }
    const wait = refused.recordedAt + RECORD_EVERY_MS - at;
    if (wait <= 0) return record(live, refused);
    if (refused.waits) return;
    refused.waits = true;
    timer.after(wait, () => {
      refused.waits = false;
      record(live, refused);
    });
  }

  return (live, news) => {
    const { instance, agent } = live.state;
    switch (news.event) {
      case "started": {
        const programs = news.programs.map((program) => ({ ...program }));
        write(live, { kind: "programs-started", instance, agent, count: programs.length }, { programs });
        return;
      }
      case "refused":
        return takeRefused(live, news);
      case "written": {
        const files = news.files.map((file) => ({ ...file }));
        write(live, { kind: "files-written", instance, agent, count: files.length }, { files });
        return;
      }
      case "files-refused":
        return takeKeptOut(live, news);
      case "terminal": {
        record(live, refusalsOf(live));
        const by = `system call ${news.call} of process ${news.pid}`;
        void instances.terminate(live, { code: "prohibited-call", by, what: news.program, action: null });
        return;
      }
      case "unsupervised":
        void instances.end(live, "unsupervised");
        return;
      case "gone":
        return record(live, refusalsOf(live));
      case "failed":
        if (news.why !== "setup") live.unstarted = news.why;
        return;
      case "launched":
      // No agent's connections are diverted.
      case "connected":
        return;
      default:
        news satisfies never;
    }
  };
}
