import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createClock } from "./clock.ts";

it("gives the wall time in milliseconds", () => {
  const before = Date.now();
  const wall = createClock().wall();
  expect(wall).toBeGreaterThanOrEqual(before);
  expect(wall).toBeLessThanOrEqual(Date.now());
});

it("gives the time since boot that the kernel reports, suspend included", () => {
  const seconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const boot = createClock().boot();
  expect(Number.isSafeInteger(boot)).toBe(true);
  expect(Math.abs(boot - seconds * 1000)).toBeLessThan(1000);
});

it("advances boot time and microseconds together", async () => {
  const clock = createClock();
  /** Boot time between two looks at the microseconds, however long the machine takes from one to the next. */
  const look = () => ({ before: clock.micros(), boot: clock.boot(), after: clock.micros() });
  const first = look();
  await new Promise((resolve) => setTimeout(resolve, 60));
  const second = look();
  const bootPassed = second.boot - first.boot;
  expect(bootPassed).toBeGreaterThanOrEqual(58);
  expect(bootPassed).toBeGreaterThanOrEqual((second.before - first.after) / 1000 - 2);
  expect(bootPassed).toBeLessThanOrEqual((second.after - first.before) / 1000 + 2);
  expect(Number.isSafeInteger(second.before)).toBe(true);
});

it("never goes back", () => {
  const clock = createClock();
  let boot = clock.boot();
  let micros = clock.micros();
  for (let count = 0; count < 1000; count++) {
    const nextBoot = clock.boot();
    const nextMicros = clock.micros();
    expect(nextBoot).toBeGreaterThanOrEqual(boot);
    expect(nextMicros).toBeGreaterThanOrEqual(micros);
    boot = nextBoot;
    micros = nextMicros;
  }
});
