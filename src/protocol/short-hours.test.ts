import { describe, expect, it } from "vitest";
import { decode } from "./decode.ts";
import { HOURS, parseWindow, writeHours, writeWindow } from "./short-hours.ts";

describe("hours as people write them", () => {
  it.each([
    ["mon-fri 07:00-22:00", ["mon", "tue", "wed", "thu", "fri"], 420, 1320],
    ["sat,sun 09:30-12:00", ["sat", "sun"], 570, 720],
    ["mon,wed-thu 00:00-24:00", ["mon", "wed", "thu"], 0, 1440],
    ["22:00-06:00", ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1320, 360],
    ["fri 22:00-00:00", ["fri"], 1320, 1440],
  ])("%s", (written, days, from, to) => {
    const window = parseWindow(written);
    expect(window).toEqual({ days, from, to });
    if (window !== null) expect(parseWindow(writeWindow(window))).toEqual(window);
  });

  it.each([
    "",
    "7:00-22:00",
    "07:00-07:00",
    "07:60-08:00",
    "24:00-06:00",
    "25:00-26:00",
    "fri-mon 07:00-08:00",
    "mon,mon 07:00-08:00",
    "monday 07:00-08:00",
    "mon 07:00",
    "mon  07:00-08:00",
    "07:00-22:00 ",
  ])("refuses %j", (written) => {
    expect(parseWindow(written)).toBeNull();
  });

  it("need a zone that there is, and at least one window", () => {
    expect(decode(HOURS, { zone: "Europe/Vienna", open: ["07:00-22:00"] })).toMatchObject({ kind: "ok" });
    const counted = decode(HOURS, { zone: "+01:00", open: ["07:00-22:00"], uses: 8 });
    expect(counted).toMatchObject({ kind: "ok", value: { zone: "+01:00", uses: 8 } });
    expect(counted.kind === "ok" && writeHours(counted.value)).toEqual({
      zone: "+01:00",
      open: ["07:00-22:00"],
      uses: 8,
    });
    expect(decode(HOURS, { zone: "UTC", open: ["07:00-22:00"], uses: 0 })).toMatchObject({ path: "/uses" });
    expect(decode(HOURS, { zone: "Europe/Nowhere", open: ["07:00-22:00"] })).toMatchObject({ path: "/zone" });
    expect(decode(HOURS, { zone: "UTC", open: [] })).toMatchObject({ path: "/open" });
    expect(decode(HOURS, { zone: "UTC", open: ["always"] })).toMatchObject({ path: "/open/0" });
    expect(decode(HOURS, { open: ["07:00-22:00"] })).toMatchObject({ path: "/zone" });
  });
});
