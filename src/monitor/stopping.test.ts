import { describe, expect, test } from "vitest";
import { newBreaker } from "../kernel/breaker.ts";
import { createAskedStops, type AskedStops } from "./asked-stops.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import type { Part } from "../protocol/stop-report.ts";
import { type FacePort, newLive, type LiveInstance } from "./live.ts";
import { enlist } from "./parts.ts";
import { createSeen } from "./provenance.ts";
import type { InstanceState } from "./state.ts";
import { endTogether, freezeTogether, letGoOn, type StoppingPorts } from "./stopping.ts";

/* What is said of a stop when a part of it cannot be confirmed, with sandboxes that behave as the test says. */

interface Fake extends SandboxedProcess {
  readonly kills: number;
}

function sandbox(wild = false): Fake & { wild: boolean } {
  const made = {
    pid: 1,
    namespace: 1,
    channels: [],
    ended: new Promise<never>(() => {}),
    kills: 0,
    wild,
    kill: () => void made.kills++,
    suspend: () => {},
    resume: () => {},
    exists: () => true,
    stopped: () => false,
    errors: () => "",
  };
  return made;
}

function liveWith(parts: readonly (readonly [Fake, Part])[]): LiveInstance {
  const state = { instance: "i-0123456789abcdef", agent: "worker", life: "running", why: null } as InstanceState;
  const live = newLive(state, { breaker: newBreaker(false), seen: createSeen([]) });
  for (const [each, part] of parts) live.parts.set(each, part);
  return live;
}

function stage(given: {
  readonly logFails?: boolean;
  readonly connections?: number | null;
  readonly immortal?: boolean;
  /** Until when nothing is seen to stand still. */
  readonly gate?: Promise<void>;
}) {
  const records: string[] = [];
  const owed: string[] = [];
  const goneOn: SandboxedProcess[] = [];
  const standings = (sandboxes: readonly SandboxedProcess[], reached: (each: SandboxedProcess) => boolean) =>
    new Map(sandboxes.map((each) => [each, { processes: left(each), reached: reached(each), ms: 5 }]));
  const left = (each: SandboxedProcess): number => (given.immortal !== true && (each as Fake).kills > 0 ? 0 : 2);
  const tame = (each: SandboxedProcess): boolean => !(each as Fake & { wild: boolean }).wild;
  const ports = {
    powers: {
      clock: { wall: () => 0, boot: () => 0, micros: () => 0 },
      timer: { after: (ms: number, then: () => void) => (setTimeout(then, Math.min(ms, 50)), () => {}) },
      stops: {
        hold: async (sandboxes: readonly SandboxedProcess[]) => {
          await given.gate;
          return standings(sandboxes, tame);
        },
        seeGone: async (sandboxes: readonly SandboxedProcess[]) =>
          standings(sandboxes, (each) => given.immortal !== true && (each as Fake).kills > 0),
        letGo: (sandboxes: readonly SandboxedProcess[]) => void goneOn.push(...sandboxes),
        connections: (sandboxes: readonly SandboxedProcess[]) =>
          new Map(sandboxes.map((each) => [each, given.connections === undefined ? 0 : given.connections])),
      },
    },
    journal: {
      state: { allFrozen: null },
      write: (body: { readonly kind: string }) => {
        if (given.logFails === true) return Promise.reject(new Error("no space"));
        records.push(body.kind);
        return Promise.resolve(1);
      },
      owe: (body: { readonly kind: string }) => void owed.push(body.kind),
    },
  } as unknown as StoppingPorts;
  return { ports, records, owed, goneOn };
}

const asked = (live: LiveInstance) => [{ live, by: { kind: "monitor", why: "asked" } as const, code: "asked" }];

describe("a freeze", () => {
  test("cuts admission before anything is awaited, and is confirmed", async () => {
    const { ports, records } = stage({});
    const live = liveWith([[sandbox(), "agent"]]);
    const freezing = freezeTogether(asked(live), ports);
    expect(live.state.life).toBe("frozen");
    expect(records).toEqual(["instance-frozen"]);
    expect(await freezing.report).toMatchObject([{ confirmed: true, parts: [{ part: "agent", state: "still" }] }]);
  });

  test("ends what does not stand still, and says so when not even that helps", async () => {
    for (const [immortal, state] of [
      [false, "gone"],
      [true, "unconfirmed"],
    ] as const) {
      const wild = sandbox(true);
      const { ports } = stage({ immortal });
      const [stopped] = await freezeTogether(asked(liveWith([[wild, "agent"]])), ports).report;
      expect(wild.kills).toBe(1);
      expect(stopped).toMatchObject({ confirmed: !immortal, parts: [{ state }] });
    }
  });

  test.each([3, null])("ends a broker of which the kernel says %s connections, and no other", async (connections) => {
    const [broker, injector, agent] = [sandbox(), sandbox(), sandbox()];
    const { ports } = stage({ connections });
    const live = liveWith([
      [agent, "agent"],
      [broker, "broker"],
      [injector, "injector"],
    ]);
    await freezeTogether(asked(live), ports).report;
    expect([broker.kills, injector.kills, agent.kills]).toEqual([1, 1, 0]);
  });

  test("ends what carries the network when it does not say that it closed it", async () => {
    for (const cut of [() => Promise.reject(new Error("gone")), () => new Promise<void>(() => {})]) {
      const broker = sandbox();
      const live = liveWith([[broker, "broker"]]);
      live.carrier = { cut, stop: () => {} } as unknown as NonNullable<LiveInstance["carrier"]>;
      const [stopped] = await freezeTogether(asked(live), stage({}).ports).report;
      expect(broker.kills).toBe(1);
      expect(stopped).toMatchObject({ confirmed: true });
    }
  });

  test("stands when the log fails, and is not confirmed", async () => {
    const live = liveWith([[sandbox(), "agent"]]);
    const { ports, owed } = stage({ logFails: true });
    const [stopped] = await freezeTogether(asked(live), ports).report;
    expect(live.state.life).toBe("frozen");
    expect(owed).toEqual(["instance-frozen"]);
    expect(stopped).toMatchObject({ confirmed: false, recorded: null, parts: [{ state: "still" }] });
  });

  test("takes the place of one for the log, and not the other way round", async () => {
    const live = liveWith([[sandbox(), "agent"]]);
    const { ports, records } = stage({});
    for (const [code, count] of [
      ["log-unavailable", 1],
      ["log-unavailable", 1],
      ["asked", 2],
      ["log-unavailable", 2],
    ] as const) {
      await freezeTogether([{ live, by: { kind: "monitor", why: "x" }, code }], ports).report;
      expect(records).toHaveLength(count);
    }
    expect([live.state.life, live.state.why]).toEqual(["frozen", "asked"]);
  });

  test("is not confirmed while a sandbox is still being made", async () => {
    const live = liveWith([]);
    live.starts.add(new Promise(() => {}));
    const [stopped] = await freezeTogether(asked(live), stage({}).ports).report;
    expect(stopped).toMatchObject({ confirmed: false, starting: 1 });
  });
});

/*
 * A start makes its parts one after another, and rests in between: for a folder, a digest, a record. What came to be seen of it
 * when the stop looked is not all that it would make.
 */
describe("a start that rests between two of its parts when a stop comes", () => {
  /** One that has made its first part, and one that is still in the making; each goes on to its next when `open` is called. */
  function resting() {
    const live = liveWith([]);
    const { promise: rest, resolve: open } = Promise.withResolvers<void>();
    const made = Promise.withResolvers<SandboxedProcess>();
    const [first, second] = [sandbox(), sandbox()];
    const begun: Part[] = [];
    const next = (part: Part): Promise<SandboxedProcess> =>
      enlist(live, part, () => {
        begun.push(part);
        return new Promise(() => {});
      });
    const starts = [
      enlist(live, "storage", () => Promise.resolve(first))
        .then(() => rest)
        .then(() => next("agent")),
      enlist(live, "face", () => made.promise).then(() => next("driver")),
    ];
    const ended = Promise.allSettled(starts);
    const goOn = (): void => {
      made.resolve(second);
      open();
    };
    return { live, begun, goOn, ended, first, second };
  }

  test.each(["freeze", "end"] as const)(
    "its next part does not begin, and the answer to a %s waits for the others",
    async (kind) => {
      const { live, begun, goOn, ended, first, second } = resting();
      await expect.poll(() => live.parts.size).toBe(1);
      const { ports } = stage({});
      const stop =
        kind === "freeze"
          ? freezeTogether(asked(live), ports).report
          : endTogether([{ live, why: "killed" }], () => [first, second].forEach((each) => each.kill()), ports);
      goOn();
      const [stopped] = await stop;
      expect(begun).toEqual([]);
      expect(stopped).toMatchObject({ confirmed: true, starting: 0, parts: [{ part: "face" }, { part: "storage" }] });
      expect((await ended).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    },
  );

  test("twin: once it may go on, it makes them", async () => {
    const { live, begun, goOn } = resting();
    await freezeTogether(asked(live), stage({}).ports).report;
    live.state.life = "running"; // as an owner's statement does
    let changed = 0;
    live.face = { process: sandbox(), port: { changed: () => changed++ } as unknown as FacePort };
    letGoOn([live], stage({}).ports);
    expect(changed).toBe(1);
    goOn();
    await expect.poll(() => begun.toSorted()).toEqual(["agent", "driver"]);
  });
});

describe("an end", () => {
  test("is confirmed from when nothing acts any more, and says what is left", async () => {
    for (const [wild, immortal, state] of [
      [false, false, "gone"],
      [false, true, "ending"],
      [true, false, "gone"],
      [true, true, "unconfirmed"],
    ] as const) {
      const agent = sandbox(wild);
      const live = liveWith([[agent, "agent"]]);
      const { ports, records } = stage({ immortal });
      const [stopped] = await endTogether([{ live, why: "killed" }], () => agent.kill(), ports);
      expect(stopped).toMatchObject({ confirmed: state !== "unconfirmed", parts: [{ state }] });
      expect(records).toEqual(["instance-ended"]);
      expect(agent.kills).toBeGreaterThan(0);
    }
  });

  test("cuts admission and writes its record before anything is awaited, and ends nothing that still could be held", async () => {
    const agent = sandbox();
    const live = liveWith([[agent, "agent"]]);
    live.agent = agent as unknown as NonNullable<LiveInstance["agent"]>;
    const { ports, records } = stage({});
    const ending = endTogether([{ live, why: "killed" }], () => agent.kill(), ports);
    expect([live.state.life, live.state.why, records, agent.kills]).toEqual(["ended", "killed", ["instance-ended"], 0]);
    // Neither held nor killed by what follows, it would run until the end.
    await expect(enlist(live, "driver", () => Promise.resolve(sandbox()))).rejects.toThrow("it was stopped");
    await ending;
    expect(agent.kills).toBe(1);
  });

  test("comes even when it cannot be looked at what is to end", async () => {
    const agent = sandbox();
    const live = liveWith([[agent, "agent"]]);
    live.agent = agent as unknown as NonNullable<LiveInstance["agent"]>;
    const { ports } = stage({});
    const blind = { ...ports.powers.stops, hold: () => Promise.reject(new Error("no /proc")) };
    const ending = endTogether([{ live, why: "killed" }], () => agent.kill(), {
      ...ports,
      powers: { ...ports.powers, stops: blind },
    });
    await expect(ending).rejects.toThrow("no /proc");
    expect(agent.kills).toBe(1);
  });
});

describe("two stops of one instance at once", () => {
  /** An instance that runs, and stops of it of which nothing is seen to stand still before `open`. */
  function running() {
    const { promise, resolve: open } = Promise.withResolvers<void>();
    const agent = sandbox();
    const live = liveWith([[agent, "agent"]]);
    live.agent = agent as unknown as NonNullable<LiveInstance["agent"]>;
    const { ports, records, goneOn } = stage({ gate: promise });
    const lives = new Map([[live.state.instance, live]]);
    const end = (each: LiveInstance): void => {
      if (!lives.delete(each.state.instance)) return;
      each.state.life = "ended";
      agent.kill();
    };
    const stops: AskedStops = createAskedStops({ lives, below: () => [], end, ports });
    return { agent, live, records, goneOn, open, stops, instance: live.state.instance };
  }

  test("two kills are one end with one record, and each says what was seen", async () => {
    const { agent, live, records, open, stops, instance } = running();
    const kills = [stops.kill(instance), stops.kill(null)];
    await Promise.resolve();
    kills.push(stops.kill(instance));
    expect([live.state.life, agent.kills]).toEqual(["ended", 0]);
    open();
    const gone = { instance, confirmed: true, parts: [{ part: "agent", state: "gone" }] };
    for (const report of await Promise.all(kills)) expect(report).toMatchObject([gone]);
    expect([records, agent.kills, live.state.why]).toEqual([["instance-ended"], 1, "killed"]);
    await expect(stops.kill(instance)).rejects.toThrow(/does not run/);
  });

  test("a freeze in the middle of a kill makes nothing of it that a thaw could let go on", async () => {
    const { agent, live, records, goneOn, open, stops, instance } = running();
    const kill = stops.kill(instance);
    const freezes = [stops.freezeAsked(instance), stops.freezeAsked(null)];
    stops.thaw(instance);
    stops.thaw(null);
    open();
    expect(await kill).toMatchObject([{ confirmed: true, parts: [{ state: "gone" }] }]);
    for (const report of await Promise.all(freezes)) expect(report).toMatchObject([{ instance, confirmed: true }]);
    await live.stopping;
    expect([live.state.life, live.state.why, agent.kills]).toEqual(["ended", "killed", 1]);
    expect(records).toEqual(["instance-ended", "all-frozen"]);
    expect(goneOn).toEqual([]);
  });

  test.each([null, "i-0123456789abcdef"])(
    "a freeze (%s) of one that only starts ends it, and says so",
    async (named) => {
      const { live, records, open, stops } = running();
      live.agent = null;
      const freeze = stops.freezeAsked(named);
      open();
      expect(await freeze).toMatchObject([{ life: "ended", confirmed: true }]);
      expect(records).toEqual(["instance-frozen", ...(named === null ? ["all-frozen"] : [])]);
    },
  );

  test("twin: a freeze alone can be lifted, and a kill in the middle of one ends it", async () => {
    const lifted = running();
    const freeze = lifted.stops.freezeAsked(lifted.instance);
    lifted.open();
    await freeze;
    lifted.live.state.life = "running"; // as an owner's statement does
    lifted.stops.thaw(lifted.instance);
    await expect.poll(() => lifted.goneOn).toEqual([lifted.agent]);

    const { agent, live, records, open, stops, instance } = running();
    const both = [stops.freezeAsked(instance), stops.kill(instance)];
    open();
    for (const report of await Promise.all(both)) expect(report).toMatchObject([{ instance, confirmed: true }]);
    expect([live.state.life, records, agent.kills]).toEqual(["ended", ["instance-frozen", "instance-ended"], 1]);
  });
});
