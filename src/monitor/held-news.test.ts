import { expect, test } from "vitest";
import type { RecordBody } from "../protocol/record.ts";
import { createHeldNews } from "./held-news.ts";
import { HeldSet } from "./held-set.ts";

/** A home with a clock of the test's: what is held, what is answered, and what was told when. */
function openHome() {
  let [now, away, next] = [0, false, 0];
  const told: string[] = [];
  const timers: { readonly at: number; readonly run: () => void }[] = [];
  const held = new HeldSet();
  const note = createHeldNews({
    held,
    away: () => away,
    now: () => now,
    timer: {
      after(ms, run) {
        timers.push({ at: now + ms, run });
        return () => undefined;
      },
    },
    tell: ({ fresh, waiting }) =>
      void told.push(`${now}: ${fresh.map(({ request }) => request).join("+")} of ${waiting}`),
  });
  // Only the kind and the action of a record are looked at.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  const record = (kind: string, action: string): void => note({ kind, action } as unknown as RecordBody);
  return {
    told,
    timers,
    hold(instance = "i-1"): string {
      const request = `r${++next}`;
      const state = { record: next, request, instance, agent: "worker", what: "notes/add", text: "", digest: request };
      held.set(request, { ...state, risk: "reserved", reasons: [], since: now, expires: now + 600_000 });
      record("held", request);
      return request;
    },
    /** Approved, denied, expired, withdrawn: it waits no more. */
    end(request: string): void {
      held.delete(request);
      record("denied", request);
    },
    go(): void {
      away = true;
    },
    back(): void {
      away = false;
      record("away-ended", "");
    },
    start: () => record("start", ""),
    /** Lets time pass; every timer runs at its own moment. */
    pass(ms: number): void {
      const end = now + ms;
      for (let turns = 0; turns < 10_000; turns++) {
        const due = timers.filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at)[0];
        if (due === undefined) break;
        timers.splice(timers.indexOf(due), 1);
        now = Math.max(now, due.at);
        due.run();
      }
      now = end;
    },
  };
}

test("the first action that waits is told after three seconds, and what comes then is summed up, a minute apart", () => {
  const home = openHome();
  home.hold();
  home.pass(2999);
  expect(home.told).toEqual([]);
  home.pass(1);
  expect(home.told).toEqual(["3000: r1 of 1"]);
  home.pass(7000);
  home.hold();
  home.hold("i-2");
  home.pass(300_000);
  expect(home.told).toEqual(["3000: r1 of 1", "63000: r2+r3 of 3"]);
});

test("what somebody in front of the terminal answers at once is never told, one after the other neither", () => {
  const home = openHome();
  for (let round = 0; round < 40; round++) {
    const request = home.hold();
    home.pass(2900);
    home.end(request);
    home.pass(50);
  }
  home.pass(600_000);
  expect(home.told).toEqual([]);
});

test("after quick answers an action still has three seconds of its own", () => {
  const home = openHome();
  home.end(home.hold());
  home.pass(2900);
  home.hold();
  home.pass(2999);
  expect(home.told).toEqual([]);
  home.pass(1);
  expect(home.told).toEqual(["5900: r2 of 1"]);
});

test("whatever agents do, a home tells once a minute and no more, with one timer", () => {
  const home = openHome();
  for (let second = 0; second < 600; second++) {
    for (let each = 0; each < 20; each++) home.hold(`i-${second % 50}`);
    home.pass(1000);
    expect(home.timers.length).toBeLessThanOrEqual(1);
  }
  expect(home.told).toHaveLength(10);
  expect(home.told[9]).toMatch(/ of 10860$/);
});

test("while somebody is away nothing is told; what still waits is told together when they are back", () => {
  const home = openHome();
  home.go();
  const [first] = [home.hold(), home.hold(), home.hold()];
  home.pass(3_600_000);
  home.end(first ?? "");
  expect(home.told).toEqual([]);
  home.back();
  home.pass(0);
  expect(home.told).toEqual(["3600000: r2+r3 of 2"]);
});

test("who goes away within the three seconds is not told either", () => {
  const home = openHome();
  home.hold();
  home.pass(1000);
  home.go();
  home.pass(60_000);
  expect(home.told).toEqual([]);
});

test("what waits when a monitor starts is told once more, together", () => {
  const home = openHome();
  home.hold();
  home.hold();
  home.pass(3000);
  home.start();
  home.pass(300_000);
  expect(home.told).toEqual(["3000: r1+r2 of 2", "63000: r1+r2 of 2"]);
});
