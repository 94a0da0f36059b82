import { expect, test } from "vitest";
import { createTimeLimit } from "./time-limit.ts";

class Late extends Error {}

/** Time that the test moves, with timers on it. */
function fakeTime() {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    clock: { micros: () => now * 1000 },
    timer: {
      after(ms: number, run: () => void) {
        const mine = { at: now + ms, run };
        timers.push(mine);
        return () => {
          timers = timers.filter((each) => each !== mine);
        };
      },
    },
    waiting: () => timers.length,
    async pass(ms: number) {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { run } of due) run();
      await Promise.resolve();
    },
  };
}

test("what comes in time is passed on, and so is a failure", async () => {
  const limit = createTimeLimit(fakeTime(), 100);
  expect(await limit(Promise.resolve(7), () => new Late())).toBe(7);
  await expect(limit(Promise.reject(new Error("broken")), () => new Late())).rejects.toThrow("broken");
});

test("each promise is late after its own time, whatever the others do", async () => {
  const time = fakeTime();
  const limit = createTimeLimit(time, 100);
  const ends: string[] = [];
  const wait = (name: string, promise: Promise<unknown>): void =>
    void limit(promise, () => new Late()).then(
      () => ends.push(`${name} came`),
      (error: unknown) => ends.push(`${name} ${error instanceof Late ? "late" : "failed"}`),
    );
  const second = Promise.withResolvers<void>();
  wait("first", new Promise(() => {}));
  await time.pass(60);
  wait("second", second.promise);
  wait("third", new Promise(() => {}));
  await time.pass(39);
  expect(ends).toEqual([]);
  await time.pass(1);
  expect(ends).toEqual(["first late"]);
  second.resolve();
  await time.pass(59);
  expect(ends).toEqual(["first late", "second came"]);
  await time.pass(1);
  expect(ends).toEqual(["first late", "second came", "third late"]);
});

test("an answer that comes late changes nothing any more", async () => {
  const time = fakeTime();
  const limit = createTimeLimit(time, 100);
  const answer = Promise.withResolvers<number>();
  let calls = 0;
  const limited = limit(answer.promise, () => {
    calls += 1;
    return new Late();
  });
  const seen = expect(limited).rejects.toThrow(Late);
  await time.pass(100);
  answer.resolve(1);
  await seen;
  await time.pass(200);
  expect(calls).toBe(1);
});

test("many promises need one timer", async () => {
  const time = fakeTime();
  const limit = createTimeLimit(time, 100);
  for (let n = 0; n < 50; n++) await limit(Promise.resolve(n), () => new Late());
  expect(time.waiting()).toBe(1);
  await time.pass(100);
  expect(time.waiting()).toBe(0);
});
