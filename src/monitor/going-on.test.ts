import { beforeEach, describe, expect, test } from "vitest";
import { newBreaker, noteOutcome } from "../kernel/breaker.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import { type LateForLog, letLogFrozenGoOn } from "./going-on.ts";
import type { Instances } from "./instances.ts";
import { newLive, type LiveInstance } from "./live.ts";
import { createSeen } from "./provenance.ts";
import { applyRecord } from "./reducer.ts";
import { emptyState, type InstanceState, type State } from "./state.ts";
import type { StoppingPorts } from "./stopping.ts";

let state: State;
let lives: LiveInstance[];
let written: string[];
let frozen: string[];
let goneOn: string[];
let reconsidered: number;
/** What happens while a record is being written. */
let meanwhile: () => Promise<void>;

beforeEach(() => {
  [state, lives, written, frozen, goneOn, reconsidered] = [emptyState(), [], [], [], [], 0];
  meanwhile = () => Promise.resolve();
});

function add(instance: string, why: string | null, ancestry: readonly string[] = []): LiveInstance {
  const made = { instance, agent: "worker", ancestry, life: why === null ? "running" : "frozen", why, strict: false };
  const live = newLive(made as InstanceState, { breaker: newBreaker(false), seen: createSeen([]) });
  live.parts.set({ name: instance } as unknown as SandboxedProcess, "agent");
  state.instances.set(instance, live.state);
  lives.push(live);
  return live;
}

async function logWorks(): Promise<void> {
  const journal = {
    state,
    async write(body: Parameters<StoppingPorts["journal"]["write"]>[0]) {
      await meanwhile();
      if ("instance" in body) written.push(`${body.kind} ${body.instance}`);
      applyRecord(state, { seq: written.length, at: 0, body, payload: null, replay: false });
      return written.length;
    },
  };
  const letGo = (each: readonly SandboxedProcess[]): void =>
    void goneOn.push(...each.map((sandbox) => (sandbox as unknown as { name: string }).name));
  const instances = {
    running: () => lives,
    freeze: async (live: LiveInstance, { code }: { code: string }) =>
      void frozen.push(`${live.state.instance} ${code}`),
  } as unknown as Instances;
  const late: LateForLog = { instances, reconsider: () => void reconsidered++ };
  await letLogFrozenGoOn({ journal, powers: { stops: { letGo } }, late } as unknown as Parameters<
    typeof letLogFrozenGoOn
  >[0]);
}

describe("when the log works again", () => {
  test("those that stood still for it alone go on, those above first, once that is on record", async () => {
    add("i-2", "log-unavailable", ["i-1"]);
    add("i-1", "log-unavailable");
    add("i-3", null);
    await logWorks();
    expect(written).toEqual(["instance-resumed i-1", "instance-resumed i-2"]);
    expect([goneOn.toSorted(), reconsidered]).toEqual([["i-1", "i-2"], 1]);
    expect(lives.map(({ state: { life, why } }) => `${life} ${why}`)).toEqual(Array(3).fill("running null"));
  });

  test("NO-SELF-WIDENING: nothing that is frozen for another reason does, and nothing below it", async () => {
    for (const why of ["asked", "all-frozen", "breaker-open", "home-full", "ancestor-frozen"]) add(`i-${why}`, why);
    add("i-below", "log-unavailable", ["i-asked"]);
    await logWorks();
    expect([written, goneOn, reconsidered]).toEqual([[], [], 0]);
  });

  test("one that would have been frozen for a run of denials meanwhile stays frozen, for that", async () => {
    const live = add("i-1", "log-unavailable");
    for (let denial = 0; denial < 5; denial++) live.breaker = noteOutcome(live.breaker, "denied", denial);
    await logWorks();
    expect([written, frozen, goneOn]).toEqual([[], ["i-1 breaker-open"], []]);
  });

  test("one that somebody froze while the record was being written stands still", async () => {
    const live = add("i-1", "log-unavailable");
    meanwhile = async () => void (live.state.why = "asked");
    await logWorks();
    expect([live.state.life, live.state.why, goneOn]).toEqual(["frozen", "asked", []]);
  });

  test("one whose going on cannot be recorded stands still until it works the next time", async () => {
    const live = add("i-1", "log-unavailable");
    meanwhile = () => Promise.reject(new Error("ENOSPC"));
    await logWorks();
    expect([live.state.life, goneOn]).toEqual(["frozen", []]);
    meanwhile = () => Promise.resolve();
    await logWorks();
    expect([live.state.life, goneOn]).toEqual(["running", ["i-1"]]);
  });
});
