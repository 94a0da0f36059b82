import { expect, test } from "vitest";
import { DAYS, type Hours } from "../kernel/hours.ts";
import { describeHours } from "./describe-hours.ts";

const now = Date.parse("2026-11-26T12:00:00Z"); // a Thursday, 13:00 in Vienna
const HOURS: Hours = { zone: "Europe/Vienna", windows: [{ days: ["mon", "thu"], from: 22 * 60, to: 360 }], uses: 8 };

const shown = (hours: Hours, life: { from?: number; to?: number } = {}): readonly string[] => {
  const limits = { notBefore: life.from ?? 0, expires: life.to ?? now + 7 * 86_400_000 };
  const rest = { uses: 20, rate: null, bytes: null };
  return describeHours({ ...limits, ...rest }, { hours, now }).map(({ tone, text }) => `${tone}: ${text}`);
};

test("hours are shown with what they mean, the next times that they come, and how often each time", () => {
  expect(shown(HOURS)).toEqual([
    "plain: only in these hours, by the clock of Europe/Vienna: mon,thu 22:00-06:00; outside them it is as if it were not there",
    "plain: in force next thu 2026-11-26 22:00 to fri 2026-11-27 06:00; mon 2026-11-30 22:00 to tue 2026-12-01 06:00",
    "plain: at most 8 uses each time that they come",
  ]);
});

test("three times are shown, none before it begins", () => {
  const daily: Hours = { zone: "+05:30", windows: [{ days: [...DAYS], from: 540, to: 600 }] };
  expect(shown(daily, { from: Date.parse("2026-11-28T03:45:00Z") })).toEqual([
    expect.stringContaining("by the clock of +05:30: 09:00-10:00"),
    "plain: in force next sat 2026-11-28 09:15 to 10:00; sun 2026-11-29 09:00 to 10:00; mon 2026-11-30 09:00 to 10:00",
  ]);
});

test("hours that never come say so", () => {
  expect(shown(HOURS, { to: now + 3_600_000 })[1]).toBe("bad: its hours do not come before it ends");
});
