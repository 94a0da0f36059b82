import { expect, test } from "vitest";
import { createTrustedClock } from "./trusted-clock.ts";

function fakeClock(wall = 1_000_000_000) {
  const time = { wall, boot: 5_000 };
  return {
    time,
    clock: { wall: () => time.wall, boot: () => time.boot, micros: () => time.boot * 1000 },
    pass(ms: number) {
      time.wall += ms;
      time.boot += ms;
    },
  };
}

test("time that passes is steady, suspend included", () => {
  const { clock, pass } = fakeClock();
  const trusted = createTrustedClock(clock, 0);
  pass(3_600_000);
  expect(trusted.state()).toBe("steady");
  expect(trusted.now()).toBe(1_003_600_000);
});

test("slow drift is followed and never becomes a jump", () => {
  const { clock, time, pass } = fakeClock();
  const trusted = createTrustedClock(clock, 0);
  for (let i = 0; i < 1000; i++) {
    pass(60_000);
    time.wall += 500;
    expect(trusted.state()).toBe("steady");
  }
});

test.each([
  ["back", -86_400_000],
  ["ahead", 86_400_000],
])("a clock set %s by a day is a jump and expires nothing by itself", (_name, by) => {
  const { clock, time, pass } = fakeClock();
  const trusted = createTrustedClock(clock, 0);
  const before = trusted.now();
  time.wall += by;
  expect(trusted.state()).toBe("jumped");
  pass(1000);
  expect(trusted.now() - before).toBe(1000);
  trusted.accept();
  expect(trusted.state()).toBe("steady");
  expect(trusted.now()).toBe(time.wall);
});

test("a clock that is behind the log at start is a jump", () => {
  const { clock, time } = fakeClock();
  const trusted = createTrustedClock(clock, time.wall + 60_000);
  expect(trusted.state()).toBe("jumped");
  expect(trusted.now()).toBe(time.wall + 60_000);
});

test("a set clock that comes back by itself stays a jump until an owner speaks", () => {
  const { clock, time } = fakeClock();
  const trusted = createTrustedClock(clock, 0);
  time.wall += 86_400_000;
  trusted.state();
  time.wall -= 86_400_000;
  expect(trusted.state()).toBe("jumped");
});
