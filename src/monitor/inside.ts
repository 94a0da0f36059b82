import type { Timer } from "../platform/powers.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import type { DriverSpec } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { ServerClimb } from "../protocol/server-climb.ts";
import { EXAMPLES_MOST, type RefusedFile, type StoppedCall } from "../sandbox/evidence.ts";
import { standingOf } from "./extensions/opening.ts";
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

/** How many refused calls are a sign of anything. */
export function countRefused(calls: { readonly [call: string]: number }): number {
  return Object.entries(calls).reduce((sum, [call, times]) => (PROBES.has(call) ? sum : sum + times), 0);
}

/** One run of an MCP server, in a sandbox of its own. */
export interface ServerRun {
  readonly live: LiveInstance;
  /** The server's name in its grant. */
  readonly driver: string;
  readonly spec: Pick<DriverSpec, "pin" | "source">;
  /** Ends it wherever it runs, and lets each agent know that its tools are gone. */
  end(why: ServerClimb): void;
}

export interface InsidePorts {
  readonly journal: OwingJournal;
  readonly instances: Pick<Instances, "terminate" | "freeze" | "end">;
  readonly timer: Timer;
  /** Milliseconds of a clock that cannot be set. */
  now(): number;
}

/** A sandbox that is listened to: an agent's, or one of its servers'. */
type Subject = LiveInstance | ServerRun;

function isServer(subject: Subject): subject is ServerRun {
  return "live" in subject;
}

/** How records name it. */
function nameOf(subject: Subject): { readonly instance: string; readonly agent: string; readonly driver?: string } {
  if (!isServer(subject)) return { instance: subject.state.instance, agent: subject.state.agent };
  return { ...nameOf(subject.live), driver: subject.driver };
}

/** What was refused to one sandbox that no record tells of yet, and the run that it may be in. */
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
 * Takes down what the supervisor reports from inside the sandboxes of agents and their servers, and acts on it: TERMINAL on
 * a terminal call, a freeze on a run of refused ones, the end when nobody supervises it any more (CONFINED-OR-NOT-AT-ALL).
 * A server is somebody else's than its agent: for what it does it is ended and kept back, and the agent goes on.
 * What cannot be written stops the instance, as every failed audit does.
 */
export function createInside(ports: InsidePorts): (subject: Subject, news: WardNews) => void {
  const { journal, instances, timer, now } = ports;
  const refusals = new WeakMap<Subject, Refusals>();

  function write(subject: Subject, body: RecordBody, payload: JsonObject | null): void {
    journal.write(body, payload).catch(() => {
      journal.owe(body, payload);
      void instances.freeze(isServer(subject) ? subject.live : subject, AUDIT_FAILED);
    });
  }

  /** TERMINAL for a server: nothing starts it again until an owner signs for it anew. */
  function climbed(server: ServerRun, why: ServerClimb, call: JsonObject): void {
    const { live, driver, spec } = server;
    const { instance, agent } = live.state;
    const { pin, source } = spec;
    write(server, { kind: "driver-quarantined", driver, pin, found: pin, why }, { instance, agent, ...call });
    if (why === "prohibited-call" && source.kind === "ext" && standingOf(source, journal.state) === "stands") {
      const words = `server ${driver} made a prohibited system call`;
      write(server, { kind: "extension-quarantined", extension: source.extension, why: words }, null);
    }
    server.end(why);
  }

  function refusalsOf(subject: Subject): Refusals {
    const known = refusals.get(subject);
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
    refusals.set(subject, made);
    return made;
  }

  function record(subject: Subject, refused: Refusals): void {
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
      write(subject, { kind: "calls-refused", ...nameOf(subject), calls: Object.fromEntries(calls) }, { examples });
    }
    if (changes > 0) write(subject, { kind: "files-refused", ...nameOf(subject), count: changes }, { files });
  }

  function takeRefused(subject: Subject, news: Extract<WardNews, { event: "refused" }>): void {
    const refused = refusalsOf(subject);
    for (const [call, times] of Object.entries(news.calls)) {
      refused.calls.set(call, (refused.calls.get(call) ?? 0) + times);
    }
    const shown = new Set(refused.examples.map(({ call }) => call));
    refused.examples = [...refused.examples, ...news.examples.filter(({ call }) => !shown.has(call))];
    addToRun(subject, { count: countRefused(news.calls), answers: subject });
  }

  function takeKeptOut(subject: Subject, news: Extract<WardNews, { event: "files-refused" }>): void {
    const refused = refusalsOf(subject);
    refused.changes += news.count;
    refused.files = [...refused.files, ...news.files].slice(0, EXAMPLES_MOST);
    // Whose idea it was nobody can tell: kept back for it, a server would be taken from all agents by one that asks for this.
    addToRun(subject, { count: news.count, answers: isServer(subject) ? subject.live : subject });
  }

  /** Acts on a run by whoever answers for it; records otherwise, now or when the last record is old enough. */
  function addToRun(subject: Subject, { count, answers }: { readonly count: number; readonly answers: Subject }): void {
    const at = now();
    const [refused, run] = [refusalsOf(subject), refusalsOf(answers)];
    run.run = [...run.run.filter((each) => each.at > at - REFUSED_SPAN_MS), { at, count }];
    const inSpan = run.run.reduce((sum, each) => sum + each.count, 0);
    if (inSpan >= REFUSED_IN_SPAN) {
      run.run = [];
      record(subject, refused);
      if (isServer(answers)) return climbed(answers, "refused-calls", {});
      void instances.freeze(answers, {
        by: { kind: "monitor", why: "a run of refused system calls and changes to files" },
        code: "refused-calls",
      });
      return;
    }
    const wait = refused.recordedAt + RECORD_EVERY_MS - at;
    if (wait <= 0) return record(subject, refused);
    if (refused.waits) return;
    refused.waits = true;
    timer.after(wait, () => {
      refused.waits = false;
      record(subject, refused);
    });
  }

  return (subject, news) => {
    switch (news.event) {
      case "started": {
        const programs = news.programs.map((program) => ({ ...program }));
        write(subject, { kind: "programs-started", ...nameOf(subject), count: programs.length }, { programs });
        return;
      }
      case "refused":
        return takeRefused(subject, news);
      case "written": {
        const files = news.files.map((file) => ({ ...file }));
        write(subject, { kind: "files-written", ...nameOf(subject), count: files.length }, { files });
        return;
      }
      case "files-refused":
        return takeKeptOut(subject, news);
      case "terminal": {
        record(subject, refusalsOf(subject));
        const { call, pid, program } = news;
        if (isServer(subject)) return climbed(subject, "prohibited-call", { call, pid, program });
        const by = `system call ${call} of process ${pid}`;
        void instances.terminate(subject, { code: "prohibited-call", by, what: program, action: null });
        return;
      }
      case "unsupervised":
        // A server was killed by then, and its driver ends with it.
        if (!isServer(subject)) void instances.end(subject, "unsupervised");
        return;
      case "gone":
        return record(subject, refusalsOf(subject));
      case "failed":
        if (!isServer(subject) && news.why !== "setup") subject.unstarted = news.why;
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
