import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grant, NOW } from "../../test/fakes/kernel.ts";
import type { Usage } from "./decision.ts";
import { addUse, checkLimits, NO_USAGE } from "./limits.ts";

const use = { now: NOW, bytes: 10 };

describe("checkLimits", () => {
  it("lets a grant without limits through between its beginning and its end only", () => {
    const open = grant({ limits: { notBefore: NOW, expires: NOW + 100 } });
    expect(checkLimits(open, NO_USAGE, use)).toBeNull();
    expect(checkLimits(open, NO_USAGE, { ...use, now: NOW - 1 })).toBe("not-yet");
    expect(checkLimits(open, NO_USAGE, { ...use, now: NOW + 99 })).toBeNull();
    expect(checkLimits(open, NO_USAGE, { ...use, now: NOW + 100 })).toBe("expired");
  });

  it("lets nothing through outside its hours, and fails for a time zone that is none", () => {
    const hours = (zone: string) =>
      grant({ limits: { hours: { zone, windows: [{ days: ["sun"], from: 0, to: 1440 }] } } });
    const sunday = Date.parse("2026-11-29T12:00:00Z");
    const valid = { notBefore: 0, expires: sunday + 1e12 };
    const open = grant({
      limits: { ...valid, hours: { zone: "UTC", windows: [{ days: ["sun"], from: 0, to: 1440 }] } },
    });
    expect(checkLimits(open, NO_USAGE, { ...use, now: sunday })).toBeNull();
    expect(checkLimits(open, NO_USAGE, { ...use, now: sunday + 86_400_000 })).toBe("outside-hours");
    expect(() => checkLimits(hours("Nowhere/Land"), NO_USAGE, use)).toThrow(RangeError);
  });

  it("counts uses and bytes to the last one", () => {
    const counted = grant({ limits: { uses: 2, bytes: 100 } });
    expect(checkLimits(counted, { ...NO_USAGE, uses: 1 }, use)).toBeNull();
    expect(checkLimits(counted, { ...NO_USAGE, uses: 2 }, use)).toBe("limit-uses");
    expect(checkLimits(counted, { ...NO_USAGE, bytes: 90 }, use)).toBeNull();
    expect(checkLimits(counted, { ...NO_USAGE, bytes: 91 }, use)).toBe("limit-bytes");
  });

  it("looks back over the span of a rate, and is not refilled by a clock that was set back", () => {
    const rated = grant({ limits: { rate: { count: 2, seconds: 10 } } });
    const used = (...recent: readonly number[]): Usage => ({ uses: recent.length, bytes: 0, recent });
    expect(checkLimits(rated, used(NOW - 9_999), use)).toBeNull();
    expect(checkLimits(rated, used(NOW - 9_999, NOW - 1), use)).toBe("limit-rate");
    expect(checkLimits(rated, used(NOW - 10_000, NOW - 1), use)).toBeNull();
    expect(checkLimits(rated, used(NOW + 5_000_000, NOW + 5_000_000), use)).toBe("limit-rate");
  });

  it("denies on numbers that are none", () => {
    const limited = grant({ limits: { uses: 2, bytes: 100, rate: { count: 2, seconds: 10 } } });
    expect(checkLimits(limited, NO_USAGE, use)).toBeNull();
    expect(checkLimits(limited, NO_USAGE, { ...use, now: Number.NaN })).toBe("not-yet");
    expect(checkLimits(limited, { ...NO_USAGE, uses: Number.NaN }, use)).toBe("limit-uses");
    expect(checkLimits(limited, { ...NO_USAGE, bytes: Number.NaN }, use)).toBe("limit-bytes");
    expect(checkLimits(limited, NO_USAGE, { ...use, bytes: Number.NaN })).toBe("limit-bytes");
    expect(checkLimits(limited, NO_USAGE, { ...use, bytes: -1 })).toBe("limit-bytes");
    expect(checkLimits(limited, { ...NO_USAGE, recent: [Number.NaN, Number.NaN] }, use)).toBe("limit-rate");
    expect(checkLimits(grant({ limits: { expires: Number.NaN } }), NO_USAGE, use)).toBe("expired");
  });

  it("never lets more through than each limit says, whatever is asked when", () => {
    const limits = fc.record({
      uses: fc.option(fc.integer({ min: 1, max: 8 })),
      bytes: fc.option(fc.integer({ min: 1, max: 200 })),
      rate: fc.option(fc.record({ count: fc.integer({ min: 1, max: 4 }), seconds: fc.integer({ min: 1, max: 20 }) })),
    });
    const asks = fc.array(
      fc.record({ wait: fc.integer({ min: 0, max: 8000 }), bytes: fc.integer({ min: 0, max: 60 }) }),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(limits, asks, (change, wanted) => {
        const limited = grant({ limits: { ...change, notBefore: NOW, expires: NOW + 150_000 } });
        let usage = NO_USAGE;
        let now = NOW - 5000;
        const done: { at: number; bytes: number }[] = [];
        for (const { wait, bytes } of wanted) {
          now += wait;
          if (checkLimits(limited, usage, { now, bytes }) !== null) continue;
          usage = addUse(usage, { now, bytes, grant: limited });
          done.push({ at: now, bytes });
        }
        expect(done.length).toBeLessThanOrEqual(change.uses ?? Infinity);
        expect(done.reduce((sum, each) => sum + each.bytes, 0)).toBeLessThanOrEqual(change.bytes ?? Infinity);
        for (const { at } of done) {
          expect(at >= NOW && at < NOW + 150_000).toBe(true);
          const span = (change.rate?.seconds ?? 0) * 1000;
          const within = done.filter((other) => other.at <= at && other.at > at - span).length;
          expect(within).toBeLessThanOrEqual(change.rate?.count ?? Infinity);
        }
        expect(usage.uses).toBe(done.length);
      }),
    );
  });
});

describe("addUse", () => {
  it("keeps of the past only what the rate looks at", () => {
    const rated = grant({ limits: { rate: { count: 5, seconds: 10 } } });
    const usage = { uses: 3, bytes: 5, recent: [NOW - 10_001, NOW - 10_000, NOW - 9_999] };
    expect(addUse(usage, { now: NOW, bytes: 7, grant: rated })).toEqual({
      uses: 4,
      bytes: 12,
      recent: [NOW - 9_999, NOW],
    });
    expect(addUse(usage, { now: NOW, bytes: 7, grant: grant() })).toEqual({ uses: 4, bytes: 12, recent: [] });
    expect(usage.recent).toHaveLength(3);
  });
});
