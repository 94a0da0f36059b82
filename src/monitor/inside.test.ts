import { beforeEach, describe, expect, it } from "vitest";
import { newBreaker } from "../kernel/breaker.ts";
import type { WardNews } from "../platform/supervisor-link.ts";
import type { RecordBody } from "../protocol/record.ts";
import { createInside, REFUSED_IN_SPAN, REFUSED_SPAN_MS } from "./inside.ts";
import { newLive, type LiveInstance } from "./live.ts";
import { createSeen } from "./provenance.ts";
import { emptyState, type InstanceState } from "./state.ts";

let now: number;
let timers: { readonly at: number; readonly callback: () => void }[];
let records: RecordBody[];
let owed: RecordBody[];
let acts: string[];
let writable: boolean;
let live: LiveInstance;
let hear: (news: WardNews) => void;

beforeEach(() => {
  [now, timers, records, owed, acts, writable] = [1_000_000, [], [], [], [], true];
  const inside = createInside({
    journal: {
      state: emptyState(),
      size: () => records.length,
      write: async (body) => {
        if (!writable) throw new Error("the disk is full");
        return records.push(body);
      },
      owe: (body) => void owed.push(body),
      pay: async () => undefined,
    },
    instances: {
      terminate: async (_live, { code, by, what }) => void acts.push(`terminate ${code}: ${by}: ${what}`),
      freeze: async (_live, { code }) => void acts.push(`freeze ${code}`),
      end: async (_live, why) => void acts.push(`end ${why}`),
    },
    timer: {
      after: (ms, callback) => {
        timers.push({ at: now + ms, callback });
        return () => {};
      },
    },
    now: () => now,
  });
  const state: InstanceState = {
    instance: "i-1",
    agent: "worker",
    ancestry: [],
    workspace: null,
    strict: false,
    holdAt: [],
    holdSeconds: 0,
    words: [],
    since: 0,
    life: "running",
    why: null,
    exit: null,
    labels: [],
    done: 0,
    denied: 0,
  };
  live = newLive(state, { breaker: newBreaker(false), seen: createSeen([]) });
  hear = (news) => inside(live, news);
});

function pass(ms: number): void {
  now += ms;
  const due = timers.filter(({ at }) => at <= now);
  timers = timers.filter(({ at }) => at > now);
  for (const { callback } of due) callback();
}

const refused = (calls: { readonly [call: string]: number }): WardNews => ({
  event: "refused",
  ward: 1,
  calls,
  examples: Object.keys(calls).map((call) => ({ call, pid: 7, program: "/usr/bin/x" })),
});

describe("refused calls", () => {
  it("are recorded at once, and those of the next second together after it", () => {
    hear(refused({ mount: 2 }));
    expect(records).toEqual([{ kind: "calls-refused", instance: "i-1", agent: "worker", calls: { mount: 2 } }]);
    hear(refused({ mount: 1 }));
    hear(refused({ mount: 3, ptrace: 1 }));
    expect(records).toHaveLength(1);
    pass(1000);
    expect(records.at(-1)).toMatchObject({ calls: { mount: 4, ptrace: 1 } });
    pass(5000);
    expect(records).toHaveLength(2);
  });

  it("in a run freeze the instance, with all of them recorded", () => {
    hear(refused({ ptrace: REFUSED_IN_SPAN - 1 }));
    expect(acts).toEqual([]);
    hear(refused({ mount: 1 }));
    expect(acts).toEqual(["freeze refused-calls"]);
    expect(records.at(-1)).toMatchObject({ calls: { mount: 1 } });
  });

  it("over a longer time do not, nor what every Node tries when it starts", () => {
    for (let round = 0; round < 10; round++) {
      hear(refused({ ptrace: REFUSED_IN_SPAN - 1, io_uring_setup: 1000 }));
      pass(REFUSED_SPAN_MS);
    }
    expect(acts).toEqual([]);
  });

  it("are not lost when the sandbox ends", () => {
    hear(refused({ mount: 1 }));
    hear(refused({ mount: 1 }));
    hear({ event: "gone", ward: 1 });
    expect(records).toHaveLength(2);
  });
});

describe("the rest of the news", () => {
  it("programs are one record a report", () => {
    const program = { pid: 7, parent: 6, program: "/usr/bin/true", arguments: ["true"], cut: false };
    hear({ event: "started", ward: 1, programs: [program, program] });
    expect(records).toEqual([{ kind: "programs-started", instance: "i-1", agent: "worker", count: 2 }]);
  });

  it("a terminal call is TERMINAL, with what was refused before it recorded first", () => {
    hear(refused({ mount: 1 }));
    hear(refused({ mount: 1 }));
    hear({ event: "terminal", ward: 1, call: "setns", pid: 7, program: "/usr/bin/x" });
    expect(records).toHaveLength(2);
    expect(acts).toEqual(["terminate prohibited-call: system call setns of process 7: /usr/bin/x"]);
  });

  it("without a supervisor the instance ends (CONFINED-OR-NOT-AT-ALL)", () => {
    hear({ event: "unsupervised" });
    expect(acts).toEqual(["end unsupervised"]);
  });

  it("evidence that cannot be written stops the instance", async () => {
    writable = false;
    hear(refused({ mount: 1 }));
    await Promise.resolve();
    await Promise.resolve();
    expect(acts).toEqual(["freeze log-unavailable"]);
    expect(owed).toEqual([{ kind: "calls-refused", instance: "i-1", agent: "worker", calls: { mount: 1 } }]);
  });
});
