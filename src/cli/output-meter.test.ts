import { expect, test } from "vitest";
import { createOutputMeter } from "./output-meter.ts";

test("lets through as much as the bound, and says once that it is over", () => {
  const found: number[] = [];
  const meter = createOutputMeter((bytes) => void found.push(bytes));
  meter.bound(100);
  expect([meter.take(60), meter.take(40), found]).toEqual([60, 40, []]);
  expect([meter.take(1), found]).toEqual([0, [101]]);
  expect([meter.take(5000), found]).toEqual([0, [101]]);
});

test("hands on what fits of the bytes that are too many", () => {
  const meter = createOutputMeter(() => undefined);
  meter.bound(100);
  expect([meter.take(250), meter.take(1)]).toEqual([100, 0]);
});

test("without a bound counts for nothing", () => {
  const meter = createOutputMeter(() => expect.unreachable());
  meter.bound(null);
  expect(meter.take(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
});
