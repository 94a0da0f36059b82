import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decimalText, floorDecimal } from "./decimal.ts";

test.each<[number, string | null]>([
  [0, "0.0"],
  [1.5, "1.5"],
  [-1.25, "-1.25"],
  [0.0001, "0.0001"],
  [0.00001, null],
  [1e-7, null],
  [0.1 + 0.2, null],
  [922337203685477.5, "922337203685477.5"],
  [922337203685478, null],
  [1e21, null],
  [Number.NaN, null],
  [Number.POSITIVE_INFINITY, null],
])("%d is the decimal %s", (value, text) => {
  expect(decimalText(value)).toBe(text);
});

test.each<[number, string | null]>([
  [1.5, "1.5"],
  [1.00009, "1.0000"],
  [-1.00001, "-1.0001"],
  [1e-7, "0.0000"],
  [-1e-7, "-0.0001"],
  [1e300, "922337203685477.5807"],
  [922337203685478, "922337203685477.5807"],
  [-922337203685478, null],
  [-1e300, null],
])("the largest decimal that is at most %d is %s", (value, text) => {
  expect(floorDecimal(value)).toBe(text);
});

test("a decimal is at most the bound exactly when it is at most the bound's decimal", () => {
  const units = fc.integer({ min: -50_000, max: 50_000 });
  fc.assert(
    fc.property(units, fc.double({ min: -5, max: 5, noNaN: true }), (tenThousandths, bound) => {
      const value = tenThousandths / 10_000;
      expect(value <= Number(floorDecimal(bound))).toBe(value <= bound);
    }),
  );
});
