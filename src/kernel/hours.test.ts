import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAYS, isOpen, isZone, lookAgain, openUntil, readHours, type Hours } from "./hours.ts";
import type { JsonValue } from "./json.ts";
import { readDocument } from "./reading.ts";

const MINUTE = 60_000;
const WORK: Hours = { zone: "Europe/Vienna", windows: [{ days: ["mon", "tue"], from: 7 * 60, to: 22 * 60 }] };
const NIGHT: Hours = { zone: "UTC", windows: [{ days: ["fri"], from: 22 * 60, to: 6 * 60 }] };
const at = (text: string): number => Date.parse(text);

describe("hours of a grant", () => {
  it("open and close with the clock on the wall of their zone", () => {
    // 2026-11-30 is a Monday; Vienna is one hour ahead of UTC in winter.
    expect(isOpen(WORK, at("2026-11-30T05:59:59Z"))).toBe(false);
    expect(isOpen(WORK, at("2026-11-30T06:00:00Z"))).toBe(true);
    expect(isOpen(WORK, at("2026-11-30T20:59:59Z"))).toBe(true);
    expect(isOpen(WORK, at("2026-11-30T21:00:00Z"))).toBe(false);
    expect(isOpen(WORK, at("2026-12-02T12:00:00Z"))).toBe(false); // Wednesday
    // In summer it is two.
    expect(isOpen(WORK, at("2026-07-06T05:00:00Z"))).toBe(true);
    expect(isOpen(WORK, at("2026-07-06T20:00:00Z"))).toBe(false);
  });

  it("run into the next day, whose name need not be there", () => {
    expect(isOpen(NIGHT, at("2026-11-27T21:59:00Z"))).toBe(false);
    expect(isOpen(NIGHT, at("2026-11-27T22:00:00Z"))).toBe(true);
    expect(isOpen(NIGHT, at("2026-11-28T05:59:59Z"))).toBe(true);
    expect(isOpen(NIGHT, at("2026-11-28T06:00:00Z"))).toBe(false);
    expect(isOpen(NIGHT, at("2026-11-28T22:30:00Z"))).toBe(false); // Saturday night
    expect(isOpen(NIGHT, at("2026-11-27T03:00:00Z"))).toBe(false); // the night before
  });

  it("say until when they are sure to be open, in steps that a change of clocks cannot fool", () => {
    const now = at("2026-11-30T20:55:30.250Z");
    expect(openUntil(WORK, now)).toBe(at("2026-11-30T21:00:00Z"));
    expect(openUntil(WORK, at("2026-11-30T12:00:00Z"))).toBe(at("2026-11-30T12:10:00Z"));
    expect(openUntil(WORK, at("2026-11-30T22:00:00Z"))).toBe(at("2026-11-30T22:00:00Z"));
    // 2026-03-29: at 02:00 the clocks of Vienna are put forward to 03:00.
    const early: Hours = { zone: "Europe/Vienna", windows: [{ days: ["sun"], from: 60, to: 190 }] };
    const walked: number[] = [];
    for (let time = at("2026-03-29T00:01:00Z"); isOpen(early, time); time = openUntil(early, time)) walked.push(time);
    expect(isOpen(early, at("2026-03-29T01:09:00Z"))).toBe(true);
    expect(isOpen(early, at("2026-03-29T01:10:00Z"))).toBe(false);
    expect(walked.at(-1)).toBeLessThan(at("2026-03-29T01:10:00Z"));
  });

  it("are never open longer than openUntil says, and lookAgain misses no change", () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    const window = fc
      .record({ days: fc.subarray([...DAYS], { minLength: 1 }), from: minute, to: fc.integer({ min: 1, max: 1440 }) })
      .filter(({ from, to }) => from !== to);
    const zone = fc.constantFrom("UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe");
    const time = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-01-01T00:00:00Z") });
    fc.assert(
      fc.property(
        fc.record({ zone, windows: fc.array(window, { minLength: 1, maxLength: 3 }) }),
        time,
        (hours, now) => {
          const until = openUntil(hours, now);
          expect(until > now).toBe(isOpen(hours, now));
          for (let each = now; each < until; each += MINUTE) expect(isOpen(hours, each)).toBe(true);
          const again = lookAgain(hours, now);
          expect(again).toBeGreaterThan(now);
          for (let each = now; each < again; each += MINUTE / 2) expect(isOpen(hours, each)).toBe(isOpen(hours, now));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("know time zones, and take no text for one", () => {
    for (const zone of ["Europe/Vienna", "UTC", "America/Argentina/Buenos_Aires", "+01:00", "-09:30"])
      expect(isZone(zone), zone).toBe(true);
    for (const zone of [
      "",
      "Europe/Atlantis",
      "+1:00",
      "+15:00",
      "01:00",
      "../../etc",
      "Europe/Vienna\n",
      "x".repeat(200),
    ]) {
      expect(isZone(zone), zone).toBe(false);
    }
  });

  it("are refused when they make no sense", () => {
    const read = (value: JsonValue): string => {
      const result = readDocument(value, readHours);
      return result.kind === "ok" ? "ok" : result.message;
    };
    const window = { days: ["mon"], from: 0, to: 1440 };
    expect(read({ zone: "UTC", windows: [window] })).toBe("ok");
    expect(read({ zone: "Nowhere/At_All", windows: [window] })).toMatch(/^zone: /);
    expect(read({ zone: "UTC", windows: [] })).toMatch(/^windows: /);
    expect(read({ zone: "UTC", windows: [{ ...window, days: [] }] })).toMatch(/days: no day/);
    expect(read({ zone: "UTC", windows: [{ ...window, days: ["mon", "mon"] }] })).toMatch(/second time/);
    expect(read({ zone: "UTC", windows: [{ ...window, from: 60, to: 60 }] })).toMatch(/to: the same/);
    expect(read({ zone: "UTC", windows: [{ ...window, from: 1440 }] })).toMatch(/from: /);
    expect(read({ zone: "UTC", windows: [window], uses: 8 })).toBe("ok");
    for (const uses of [0, 1.5, -1, null, "8", 100_001])
      expect(read({ zone: "UTC", windows: [window], uses }), String(uses)).toMatch(/^uses: /);
    expect(read({ zone: "UTC", windows: [window], extra: 1 })).toMatch(/unknown field/);
  });
});
