import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLOOD_SPAN_MS, HELD_IN_SPAN, noteHeld, noteTooMany, QUIET, type Asking } from "./flood.ts";

const NOW = 1_800_000_000_000;
const ask = (times: readonly number[]): Asking => times.reduce(noteHeld, QUIET);
const every = (gap: number, count: number): number[] => Array.from({ length: count }, (_, index) => NOW + index * gap);

describe("a flood of questions", () => {
  it("is one more than people read in the span", () => {
    expect(ask(every(1, HELD_IN_SPAN)).flood).toBe(false);
    expect(ask(every(1, HELD_IN_SPAN + 1)).flood).toBe(true);
  });

  it("is none when they come no faster than that, all day", () => {
    expect(ask(every(FLOOD_SPAN_MS / HELD_IN_SPAN, 1000)).flood).toBe(false);
  });

  it("is asking on while as many wait as may", () => {
    expect(noteTooMany(ask(every(1, 3))).flood).toBe(true);
  });

  it("stays one, whatever the clock says", () => {
    const flooded = noteTooMany(QUIET);
    fc.assert(fc.property(fc.array(fc.integer()), (times) => times.reduce(noteHeld, flooded).flood));
  });

  it("is seen through a clock that is set back", () => {
    expect(ask([...every(1, HELD_IN_SPAN), NOW - FLOOD_SPAN_MS]).flood).toBe(true);
  });

  it("remembers a bounded number of times", () => {
    expect(ask(every(1, 1000)).recent.length).toBe(HELD_IN_SPAN);
  });
});
