import { beforeEach, describe, expect, test } from "vitest";
import type { RecordBody } from "../protocol/record.ts";
import { createRecovery, type Recovery } from "./recovery.ts";
import { emptyState, NO_RECOVERY, type State } from "./state.ts";
import { createTurns, type Turns } from "./turns.ts";

const HOUR = 3_600_000;
let state: State;
let now: number;
let clock: "steady" | "jumped";
let records: RecordBody[];
let timers: { readonly ms: number; readonly call: () => void }[];
let fails: boolean;
let turns: Turns;
let recovery: Recovery;

beforeEach(() => {
  [state, now, clock, records, timers, fails] = [emptyState(), 0, "steady", [], [], false];
  turns = createTurns();
  recovery = createRecovery({
    journal: {
      state,
      size: () => 0,
      async write(body) {
        if (fails) throw new Error("the log cannot be written");
        state.recovery = { ...state.recovery, pending: null };
        return records.push(body);
      },
    },
    timer: {
      after(ms, call) {
        const timer = { ms, call };
        timers.push(timer);
        return () => (timers = timers.filter((each) => each !== timer));
      },
    },
    trusted: { now: () => now, state: () => clock },
    inTurn: (work) => turns(work),
    failed: () => {},
  });
  const document = { name: "again", roles: ["approve"], key: { kind: "ed25519", publicKey: "" } } as const;
  state.recovery = { ...NO_RECOVERY, wait: HOUR, pending: { record: 7, owner: "ed25519:0", document, due: HOUR } };
});

async function elapse(ms: number): Promise<void> {
  const next = timers.shift();
  if (next === undefined) throw new Error("nothing waits");
  expect(next.ms).toBeLessThanOrEqual(60_000);
  now += ms;
  next.call();
  // What it had done in its turn is done.
  await turns(() => Promise.resolve());
}

describe("a recovery that waits", () => {
  test("twin: ends when its time has come, and not before", async () => {
    recovery.watch();
    recovery.watch();
    expect(timers).toHaveLength(1);
    await elapse(HOUR - 1);
    expect(records).toEqual([]);
    await elapse(1000);
    expect(records).toEqual([{ kind: "owner-recovered", owner: "ed25519:0", record: 7 }]);
    expect(timers).toEqual([]);
  });

  test("attack: does not end by a clock that jumped", async () => {
    recovery.watch();
    clock = "jumped";
    await elapse(2 * HOUR);
    expect(records).toEqual([]);
    clock = "steady";
    await elapse(1000);
    expect(records).toHaveLength(1);
  });

  test("does not end when it was stopped meanwhile, and nothing waits any more", async () => {
    recovery.watch();
    state.recovery = { ...state.recovery, pending: null };
    await elapse(2 * HOUR);
    expect([records, timers]).toEqual([[], []]);
  });

  test("is looked at in its own time, whatever was stopped before it", () => {
    recovery.watch();
    const { pending } = state.recovery;
    if (pending !== null) state.recovery = { ...state.recovery, pending: { ...pending, record: 9, due: 2000 } };
    recovery.watch();
    expect(timers.map(({ ms }) => ms)).toEqual([2000]);
  });

  test("attack: stopped in the moment in which its wait is over, ends one way and not both", async () => {
    recovery.watch();
    const stopped = turns(async () => {
      await Promise.resolve();
      state.recovery = NO_RECOVERY;
    });
    await elapse(2 * HOUR);
    await stopped;
    expect([records, timers]).toEqual([[], []]);
  });

  test("tries again when the log could not be written", async () => {
    recovery.watch();
    fails = true;
    await elapse(2 * HOUR);
    await Promise.resolve();
    await Promise.resolve();
    fails = false;
    await elapse(1000);
    expect(records).toHaveLength(1);
  });
});

test("attack: codes are tried five times in an hour and no more", () => {
  for (let tries = 0; tries < 5; tries += 1) recovery.admit();
  expect(() => recovery.admit()).toThrow(/too often/);
  now = HOUR + 1;
  recovery.admit();
});
