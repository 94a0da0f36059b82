import { expect, test } from "vitest";
import { grant } from "../../test/fakes/kernel.ts";
import type { Grant } from "../kernel/grant.ts";
import { DAYS, type Hours } from "../kernel/hours.ts";
import { createOpenings } from "./openings.ts";
import { createReconsidering } from "./reconsider.ts";
import { emptyState } from "./state.ts";

const MINUTE = 60_000;
/** The first of January 1970 was a Thursday. */
const EIGHT: Hours = { zone: "UTC", windows: [{ days: ["thu"], from: 480, to: 540 }] };

const timed = (limits: Partial<Grant["limits"]>, id: string = "l"): Grant =>
  grant({ id, limits: { notBefore: 0, ...limits } });

function stage(...grants: readonly Grant[]): {
  readonly active: Map<string, Grant>;
  readonly times: number[];
  /** Lets time pass to a minute, in the steps of the timers. */
  until(minute: number): void;
  watch(): void;
  timers(): number;
} {
  const active = new Map(grants.map((each) => [each.id, each]));
  const times: number[] = [];
  let now = 0;
  let timer: { readonly at: number; readonly run: () => void } | null = null;
  const after = (ms: number, run: () => void): (() => void) => {
    const each = { at: now + ms, run };
    timer = each;
    return () => void (timer = timer === each ? null : timer);
  };
  const openings = createOpenings({
    state: { active },
    timer: { after },
    now: () => now,
    opened: () => void times.push(now / MINUTE),
  });
  return {
    active,
    times,
    until(minute) {
      while (timer !== null && timer.at <= minute * MINUTE) {
        const { at, run } = timer;
        timer = null;
        now = at;
        run();
      }
      now = minute * MINUTE;
    },
    watch: openings.watch,
    timers: () => (timer === null ? 0 : 1),
  };
}

test("what is held is decided anew when a window opens, and once more for what was being written down", () => {
  const { times, until, watch } = stage(timed({ hours: EIGHT }));
  watch();
  until(479);
  expect(times).toEqual([]);
  until(700);
  expect(times).toEqual([480, 481]);
  until(8 * 1440);
  expect(times).toEqual([480, 481, 7 * 1440 + 480, 7 * 1440 + 481]);
});

test("so it is when a grant begins that was signed for later", () => {
  const { times, until, watch, timers } = stage(timed({ notBefore: 90 * MINUTE }));
  watch();
  until(200);
  expect(times).toEqual([90, 91]);
  expect(timers()).toBe(0);
});

test("a window that comes while it is still open has its uses anew, so it is looked at too", () => {
  const always: Hours = { zone: "UTC", windows: [{ days: [...DAYS], from: 0, to: 1440 }], uses: 1 };
  const { times, until, watch } = stage(timed({ hours: always }));
  watch();
  until(1442);
  expect(times).toEqual([1440, 1441]);
});

test("a grant that is revoked, or in force all the time, opens nothing", () => {
  const { active, times, until, watch, timers } = stage(timed({ hours: EIGHT }), timed({}, "g"));
  watch();
  until(10);
  active.delete("l");
  watch();
  until(1000);
  expect(times).toEqual([]);
  expect(timers()).toBe(0);
});

test("the monitor decides anew what is held when a window opens", async () => {
  const state = emptyState();
  const lease = timed({ hours: EIGHT });
  state.active.set(lease.id, lease);
  const held = { request: "0".repeat(32) };
  let tick = (): void => expect.fail("no timer");
  let now = 479 * MINUTE;
  const decided: unknown[] = [];
  const { takeUpHeld } = createReconsidering({
    state,
    timer: { after: (_ms: number, run: () => void) => ((tick = run), () => {}) },
    now: () => now,
    conduct: {
      async reconsider(_live: unknown, each: unknown) {
        decided.push(each);
      },
    },
    instances: { standIn: () => ({ agent: {} }) },
    failed: (error: unknown) => expect.fail(String(error)),
  } as unknown as Parameters<typeof createReconsidering>[0]);
  takeUpHeld();
  state.held.set(held.request, held as never);
  now = 480 * MINUTE;
  tick();
  await Promise.resolve();
  expect(decided).toEqual([held]);
});
