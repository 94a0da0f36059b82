import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grant } from "../../test/fakes/kernel.ts";
import { DAYS, isOpen, nextOpen, openWindows, type Hours, type Window } from "./hours.ts";
import { addUse, checkLimits, NO_USAGE } from "./limits.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const at = (text: string): number => Date.parse(text);
const YEAR = [at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")] as const;

/** Minutes ahead of UTC in 2026: outside summer, in it, and when its clocks go forward and back. From the zones' laws, not from `Intl`. */
const ZONES: { readonly [zone: string]: { plain: number; summer: number; forward: number; back: number } } = {
  "Europe/Vienna": { plain: 60, summer: 120, forward: at("2026-03-29T01:00:00Z"), back: at("2026-10-25T01:00:00Z") },
  "America/New_York": {
    plain: -300,
    summer: -240,
    forward: at("2026-03-08T07:00:00Z"),
    back: at("2026-11-01T06:00:00Z"),
  },
  // Half an hour, and summer over the turn of the year.
  "Australia/Lord_Howe": {
    plain: 630,
    summer: 660,
    forward: at("2026-10-03T15:30:00Z"),
    back: at("2026-04-04T15:00:00Z"),
  },
  "Asia/Kathmandu": { plain: 345, summer: 345, forward: 0, back: 0 },
  "-09:30": { plain: -570, summer: -570, forward: 0, back: 0 },
};

/** What the wall says, in milliseconds of a clock that knows no zones. */
function wall(zone: string, now: number): number {
  const { plain, summer, forward, back } = ZONES[zone] ?? expect.fail(zone);
  const inSummer = forward < back ? now >= forward && now < back : now >= forward || now < back;
  return now + (inSummer ? summer : plain) * MINUTE;
}

/** Every window that is open, as `window beginning date`: today's or yesterday's, looked at one after the other. */
function naive({ zone, windows }: Hours, now: number): readonly string[] {
  const shown = wall(zone, now);
  return windows.flatMap(({ days, from, to }, index) =>
    [0, 1].flatMap((ago) => {
      const midnight = Math.floor(shown / DAY) * DAY - ago * DAY;
      const day = DAYS[(new Date(midnight).getUTCDay() + 6) % 7] ?? "mon";
      const [opens, closes] = [midnight + from * MINUTE, midnight + (to > from ? to : to + 1440) * MINUTE];
      return days.includes(day) && shown >= opens && shown < closes
        ? [`${index} ${new Date(midnight).toISOString().slice(0, 10)}`]
        : [];
    }),
  );
}

const windows: fc.Arbitrary<Window> = fc
  .record({
    days: fc.subarray([...DAYS], { minLength: 1 }),
    from: fc.integer({ min: 0, max: 1439 }),
    to: fc.integer({ min: 1, max: 1440 }),
  })
  .filter(({ from, to }) => from !== to);
const hoursOf = fc.record({
  zone: fc.constantFrom(...Object.keys(ZONES)),
  windows: fc.array(windows, { minLength: 1, maxLength: 3 }),
});
const changes = Object.values(ZONES).flatMap(({ forward, back }) => (forward === 0 ? [] : [forward, back]));
const moment = fc.oneof(
  fc.integer({ min: YEAR[0], max: YEAR[1] }),
  fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -DAY, max: DAY })).map(([change, by]) => change + by),
);

const named = (hours: Hours, now: number): readonly string[] =>
  openWindows(hours, now).map(({ window, day }) => `${window} ${new Date(day * DAY).toISOString().slice(0, 10)}`);

describe("windows that come again, held against a model that looks at each minute", () => {
  it("are open in the same minutes of a year, through both changes of the clock", () => {
    for (const zone of Object.keys(ZONES)) {
      const hours: Hours = {
        zone,
        windows: [
          { days: ["sat", "sun"], from: 90, to: 150 },
          { days: ["sun"], from: 22 * 60, to: 125 },
          { days: [...DAYS], from: 1439, to: 1 },
        ],
      };
      const minutes = new Set<number>();
      for (let now = YEAR[0]; now < YEAR[1]; now += 211 * MINUTE) minutes.add(now);
      for (const change of changes)
        for (let now = change - 3 * 60 * MINUTE; now < change + 3 * 60 * MINUTE; now += MINUTE) minutes.add(now);
      for (const now of minutes)
        if (named(hours, now).join() !== naive(hours, now).join())
          expect(named(hours, now), `${new Date(now).toISOString()} in ${zone}`).toEqual(naive(hours, now));
      expect(minutes.size).toBeGreaterThan(4_000);
    }
  });

  it("are the same at any time, whatever the windows", () => {
    fc.assert(
      fc.property(hoursOf, moment, (hours, now) => {
        expect(named(hours, now)).toEqual(naive(hours, now));
        expect(isOpen(hours, now)).toBe(naive(hours, now).length > 0);
      }),
      { numRuns: 1000 },
    );
  });

  it("let no more through in each coming than they say, and nothing less, however the clock is put back", () => {
    const asks = fc.array(fc.integer({ min: -40, max: 400 }), { minLength: 20, maxLength: 80 });
    fc.assert(
      fc.property(hoursOf, fc.integer({ min: 1, max: 4 }), moment, asks, (open, most, start, waits) => {
        const hours = { ...open, uses: most };
        const counted = grant({ limits: { hours, notBefore: 0, expires: start + 1e10 } });
        const done = new Map<string, number>();
        let [usage, now, latest] = [NO_USAGE, start, start];
        for (const wait of waits) {
          now += wait * MINUTE;
          const comings = naive(hours, now);
          const limit = checkLimits(counted, usage, { now, bytes: 0 });
          const full = comings.some((each) => (done.get(each) ?? 0) >= most);
          if (now >= latest) expect(limit).toBe(comings.length === 0 ? "outside-hours" : full ? "limit-window" : null);
          // While the clock is behind itself it may say no more often, and never yes more often.
          else if (comings.length === 0 || full) expect(limit).not.toBeNull();
          latest = Math.max(latest, now);
          if (limit !== null) continue;
          usage = addUse(usage, { now, bytes: 0, grant: counted });
          for (const each of comings) done.set(each, (done.get(each) ?? 0) + 1);
        }
        expect([...done.values()].every((times) => times <= most)).toBe(true);
        expect(usage.windows?.length ?? 0).toBeLessThanOrEqual(3 * 10);
      }),
      { numRuns: 150 },
    );
  });

  it("are shown as they will come", () => {
    fc.assert(
      fc.property(hoursOf, moment, (hours, from) => {
        const stretches = nextOpen(hours, { from, until: from + 22 * DAY, most: 3 });
        expect(stretches.length).toBeGreaterThan(0);
        let before = from;
        for (const stretch of stretches) {
          for (let now = before; now < stretch.from; now += 23 * MINUTE) expect(naive(hours, now)).toEqual([]);
          for (let now = stretch.from; now < stretch.to; now += 23 * MINUTE) expect(naive(hours, now)).not.toEqual([]);
          expect(stretch.from === from || naive(hours, stretch.from - 1).length === 0).toBe(true);
          before = stretch.to;
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe("a lease for a heartbeat", () => {
  const hours: Hours = { zone: "Europe/Vienna", windows: [{ days: [...DAYS], from: 120, to: 180 }], uses: 2 };
  const beats = (times: readonly string[]): readonly (string | null)[] => {
    const lease = grant({
      lease: true,
      limits: { uses: 50, hours, notBefore: 0, expires: at("2026-12-01T00:00:00Z") },
    });
    let usage = NO_USAGE;
    return times.map((time) => {
      const limit = checkLimits(lease, usage, { now: at(time), bytes: 0 });
      if (limit === null) usage = addUse(usage, { now: at(time), bytes: 0, grant: lease });
      return limit;
    });
  };

  it("gets the hour that the clock shows twice once only", () => {
    // 02:00 to 03:00 of Vienna came twice on 2026-10-25: at 00:00Z in summer time, at 01:00Z after it.
    const [first, second] = ["2026-10-25T00:10:00Z", "2026-10-25T00:40:00Z"];
    expect(beats([first, second, "2026-10-25T01:10:00Z"])).toEqual([null, null, "limit-window"]);
    expect(beats([first, "2026-10-25T01:10:00Z", "2026-10-25T01:20:00Z"])).toEqual([null, null, "limit-window"]);
    expect(beats([first, second, "2026-10-26T01:10:00Z"])).toEqual([null, null, null]);
  });

  it("has no window on the day on which the clock leaves it out", () => {
    const times = ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:59:00Z"];
    expect(beats(times)).toEqual(["outside-hours", "outside-hours", "outside-hours"]);
  });

  it("is not filled anew by a clock that was set back", () => {
    const tuesday = ["2026-11-24T01:10:00Z", "2026-11-24T01:20:00Z"];
    const wednesday = ["2026-11-25T01:10:00Z", "2026-11-25T01:20:00Z"];
    expect(beats([...tuesday, ...wednesday, ...tuesday])).toEqual([
      null,
      null,
      null,
      null,
      "limit-window",
      "limit-window",
    ]);
  });
});
