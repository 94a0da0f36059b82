import { beforeEach, describe, expect, it } from "vitest";
import { newBreaker } from "../kernel/breaker.ts";
import type { WardNews } from "../platform/sandbox/supervisor-link.ts";
import type { RecordBody } from "../protocol/record.ts";
import { createInside, REFUSED_IN_SPAN, REFUSED_SPAN_MS, type ServerRun } from "./inside.ts";
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
let inside: ReturnType<typeof createInside>;
let hear: (news: WardNews) => void;

beforeEach(() => {
  [now, timers, records, owed, acts, writable] = [1_000_000, [], [], [], [], true];
  inside = createInside({
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

describe("a server", () => {
  const PIN = `sha256:${"1".repeat(64)}`;
  const stdio = { kind: "stdio", command: ["node"], code: [], workspace: "none" } as const;
  let server: ServerRun;

  beforeEach(() => {
    server = { live, driver: "notes", spec: { pin: PIN, source: stdio }, end: () => void acts.push("end notes") };
  });

  it("has its programs and refused calls recorded with its name", () => {
    const program = { pid: 7, parent: 1, program: "/usr/bin/true", arguments: [], cut: false };
    inside(server, { event: "started", ward: 1, programs: [program] });
    inside(server, { event: "refused", ward: 1, calls: { ptrace: 2 }, examples: [] });
    expect(records).toEqual([
      { kind: "programs-started", instance: "i-1", agent: "worker", driver: "notes", count: 1 },
      { kind: "calls-refused", instance: "i-1", agent: "worker", driver: "notes", calls: { ptrace: 2 } },
    ]);
    expect(acts).toEqual([]);
  });

  it("is ended and kept back for a prohibited call, and its instance is not", () => {
    inside(server, { event: "terminal", ward: 1, call: "setns", pid: 7, program: "/aios/node" });
    expect(records).toEqual([
      { kind: "driver-quarantined", driver: "notes", pin: PIN, found: PIN, why: "prohibited-call" },
    ]);
    expect(acts).toEqual(["end notes"]);
  });

  it("is ended and kept back for a run of refused calls", () => {
    inside(server, { event: "refused", ward: 1, calls: { ptrace: REFUSED_IN_SPAN }, examples: [] });
    expect(records.at(-1)).toMatchObject({ kind: "driver-quarantined", why: "refused-calls" });
    expect(acts).toEqual(["end notes"]);
  });

  it("twin: has a run of its own, which its agent's refused calls do not add to", () => {
    hear({ event: "refused", ward: 1, calls: { ptrace: REFUSED_IN_SPAN - 1 }, examples: [] });
    inside(server, { event: "refused", ward: 2, calls: { ptrace: REFUSED_IN_SPAN - 1 }, examples: [] });
    expect(acts).toEqual([]);
  });

  it("that nobody supervises any more does not end its instance", () => {
    inside(server, { event: "unsupervised" });
    expect([records, acts]).toEqual([[], []]);
  });

  it("whose record cannot be written has its instance frozen, and is ended all the same", async () => {
    writable = false;
    inside(server, { event: "terminal", ward: 1, call: "setns", pid: 7, program: "/aios/node" });
    await Promise.resolve();
    await Promise.resolve();
    expect(owed).toHaveLength(1);
    expect(acts).toEqual(["end notes", "freeze log-unavailable"]);
  });
});
