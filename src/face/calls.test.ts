import { expect, test } from "vitest";
import type { Outcome } from "../protocol/requests.ts";
import { createCalls } from "./calls.ts";
import type { CallProgress } from "./monitor-link.ts";

const PROPOSAL = { verb: "call", driver: "files", name: "read", arguments: {} } as const;

/** A clock that the test moves. */
function fakeTimer(): {
  after(ms: number, callback: () => void): () => void;
  pass(ms: number): void;
  waiting(): number;
} {
  const due = new Map<object, { at: number; callback: () => void }>();
  let now = 0;
  return {
    after: (ms, callback) => {
      const key = {};
      due.set(key, { at: now + ms, callback });
      return () => void due.delete(key);
    },
    pass: (ms) => {
      now += ms;
      for (const [key, { at, callback }] of due) {
        if (at > now) continue;
        due.delete(key);
        callback();
      }
    },
    waiting: () => due.size,
  };
}

function setUp(): {
  timer: ReturnType<typeof fakeTimer>;
  calls: ReturnType<typeof createCalls>;
  cancelled: number[];
  readonly finish: () => void;
} {
  const timer = fakeTimer();
  const cancelled: number[] = [];
  const waiting: ((outcome: Outcome) => void)[] = [];
  const calls = createCalls(
    {
      propose: () => new Promise((resolve) => waiting.push(resolve)),
      cancel: (token) => void cancelled.push(token),
    },
    timer,
  );
  return { timer, calls, cancelled, finish: () => waiting.shift()?.({ kind: "done", result: {} }) };
}

test("a held call says so every five seconds until the server reports, and never after it is over", async () => {
  const { timer, calls, finish } = setUp();
  const seen: CallProgress[] = [];
  const call = calls
    .door(8)
    .propose(PROPOSAL, { onProgress: (progress) => seen.push(progress), onOpen: () => undefined });
  calls.onHeld({ token: 1 });
  timer.pass(5_000);
  timer.pass(5_000);
  expect(seen).toHaveLength(3);
  expect(seen.every(({ message }) => message?.includes("asking a human") === true)).toBe(true);
  calls.onProgress({ token: 1, progress: 1, total: 4, message: null });
  timer.pass(60_000);
  expect(seen).toHaveLength(4);
  expect(seen.at(-1)).toEqual({ progress: 1, total: 4, message: null });
  calls.onHeld({ token: 1 });
  finish();
  await call;
  timer.pass(60_000);
  calls.onProgress({ token: 1, progress: 2, total: 4, message: null });
  expect(seen).toHaveLength(5);
  expect(timer.waiting()).toBe(0);
  const values = seen.map(({ progress }) => progress);
  expect(new Set(values).size).toBe(values.length);
  expect(values).toEqual(values.toSorted((a, b) => a - b));
});

test("a held call without a listener starts no timer", () => {
  const { timer, calls } = setUp();
  void calls.door(8).propose(PROPOSAL, { onProgress: null, onOpen: () => undefined });
  calls.onHeld({ token: 1 });
  expect(timer.waiting()).toBe(0);
});

test("a door has its own bound, and withdrawing reaches open calls only", async () => {
  const { calls, cancelled, finish } = setUp();
  const withdraws: (() => void)[] = [];
  const options = { onProgress: null, onOpen: (withdraw: () => void) => void withdraws.push(withdraw) };
  const door = calls.door(1);
  const first = door.propose(PROPOSAL, options);
  expect(door.propose(PROPOSAL, options)).toBeNull();
  expect(calls.door(1).propose(PROPOSAL, options)).not.toBeNull();
  withdraws[0]?.();
  expect(cancelled).toEqual([1]);
  finish();
  await first;
  withdraws[0]?.();
  expect(cancelled).toEqual([1]);
  expect(door.propose(PROPOSAL, options)).not.toBeNull();
});
