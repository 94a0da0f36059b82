import { expect, test } from "vitest";
import { grant } from "../../test/fakes/kernel.ts";
import type { Hours } from "../kernel/hours.ts";
import type { Journal } from "./journal.ts";
import { untilGrantsEnd } from "./lasting.ts";
import { emptyState } from "./state.ts";

function ports(
  expires: readonly number[],
  hours?: Hours,
): {
  time: number;
  readonly given: Parameters<typeof untilGrantsEnd>[1]["ports"];
  readonly timers: { readonly ms: number; readonly run: () => void; stopped: boolean }[];
} {
  const state = emptyState();
  expires.forEach((at, index) =>
    state.active.set(`g-${index}`, grant({ id: `g-${index}`, limits: { expires: at, ...(hours && { hours }) } })),
  );
  const timers: { ms: number; run: () => void; stopped: boolean }[] = [];
  const journal: Pick<Journal, "state"> = { state };
  const timer = {
    after: (ms: number, run: () => void) => {
      const each = { ms, run, stopped: false };
      timers.push(each);
      return () => void (each.stopped = true);
    },
  };
  const stage = {
    time: 1000,
    given: { journal: journal as Journal, powers: { timer }, now: () => stage.time },
    timers,
  };
  return stage;
}

test("what lasts is cut when the first of its grants ends, and not after it ended by itself", async () => {
  const stage = ports([9000, 5000]);
  const { given, timers } = stage;
  let cut = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  const waiting = untilGrantsEnd(promise, { grants: ["g-0", "g-1"], cancel: () => (cut += 1), ports: given });
  expect(timers.map(({ ms }) => ms)).toEqual([4000]);
  stage.time = 5000;
  timers[0]?.run();
  timers[1]?.run();
  expect(cut).toBe(1);
  resolve("so far");
  expect(await waiting).toBe("so far");
  expect(timers[1]?.stopped).toBe(true);
});

test("a grant that is not in force has ended, and one without an end in sight still has one", () => {
  const { given, timers } = ports([Number.MAX_SAFE_INTEGER]);
  const never = new Promise<void>(() => {});
  void untilGrantsEnd(never, { grants: ["g-0", "g-gone"], cancel: () => {}, ports: given });
  void untilGrantsEnd(never, { grants: ["g-0"], cancel: () => {}, ports: given });
  expect(timers.map(({ ms }) => ms)).toEqual([0, 2_000_000_000]);
});

test("what lasts is cut when the hours of a grant are over", () => {
  const hours: Hours = { zone: "UTC", windows: [{ days: ["thu"], from: 0, to: 15 }] };
  const stage = ports([Number.MAX_SAFE_INTEGER], hours); // the first of January 1970 was a Thursday
  let cut = 0;
  void untilGrantsEnd(new Promise<void>(() => {}), { grants: ["g-0"], cancel: () => (cut += 1), ports: stage.given });
  const minutes: number[] = [];
  for (const { ms, run } of stage.timers) {
    stage.time += ms;
    minutes.push(stage.time / 60_000);
    run();
  }
  expect(minutes.map((each) => Math.round(each))).toEqual([10, 15, 15]);
  expect(cut).toBe(1);
});
