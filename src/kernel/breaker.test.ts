import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NOW } from "../../test/fakes/kernel.ts";
import { endingOfDenial, newBreaker, noteOutcome, STRAYS_IN_SPAN, type Breaker, type Ending } from "./breaker.ts";

const ENDINGS: { readonly [mark: string]: Ending } = { x: "denied", ".": "done", s: "stray" };

/** `x` is a denial, `.` a success, `s` a stray, each `gap` milliseconds after the one before. */
function run(outcomes: string, options: { strict?: boolean; gap?: number } = {}): Breaker {
  let breaker = newBreaker(options.strict ?? false);
  for (const [index, outcome] of outcomes.split("").entries()) {
    breaker = noteOutcome(breaker, ENDINGS[outcome] ?? "denied", NOW + index * (options.gap ?? 1));
  }
  return breaker;
}

describe("breaker", () => {
  it("opens at the fifth denial in a row", () => {
    expect(run("xxxx").open).toBe(false);
    expect(run("xxxxx").open).toBe(true);
    expect(run("xxxx.xxxx").open).toBe(false);
    expect(run("xxxxx", { gap: 1e9 }).open).toBe(true);
  });

  it("opens at twenty denials within a minute, successes between them or not", () => {
    expect(run("x.".repeat(19)).open).toBe(false);
    expect(run("x.".repeat(20)).open).toBe(true);
    expect(run("x.".repeat(200), { gap: 2000 }).open).toBe(false);
  });

  it("opens at the first denial when strict, and not before", () => {
    expect(run("...", { strict: true }).open).toBe(false);
    expect(run("..x", { strict: true }).open).toBe(true);
  });

  it("stays open", () => {
    expect(run("xxxxx.....").open).toBe(true);
  });

  it("takes requests to hosts that no grant names for what programs do all day", () => {
    expect(run("s".repeat(STRAYS_IN_SPAN - 1)).open).toBe(false);
    expect(run("s".repeat(2000), { gap: 250 }).open).toBe(false);
  });

  it("opens at a flood of them", () => {
    expect(run("s".repeat(STRAYS_IN_SPAN)).open).toBe(true);
    expect(run("s".repeat(STRAYS_IN_SPAN), { gap: 199 }).open).toBe(true);
  });

  it("neither counts them as denials nor lets them hide a run of denials", () => {
    expect(run("xsxsxsx").open).toBe(false);
    expect(run("xsxsxsxsx").open).toBe(true);
    expect(run("ssssx.ssss").inRow).toBe(0);
  });

  it("opens at the first of them when strict", () => {
    expect(run("..s", { strict: true }).open).toBe(true);
  });

  it.each([
    ["net/fetch", "no-grant", "stray"],
    ["net/connect", "no-grant", "stray"],
    ["net/fetch", "not-canonical", "denied"],
    ["net/fetch", "forbidden", "denied"],
    ["net/send", "limit-uses", "denied"],
    ["net/send", "denied-by-owner", "denied"],
    ["net/fetch", "ancestor-denied", "denied"],
    ["network/fetch", "no-grant", "denied"],
    ["files/read", "no-grant", "denied"],
  ] as const)("takes %s denied as %s for %s", (what, code, ending) => {
    expect(endingOfDenial(what, code)).toBe(ending);
  });

  it("is not closed by a clock that was set back", () => {
    let breaker = newBreaker(false);
    for (let index = 0; index < 20; index++) {
      breaker = noteOutcome(noteOutcome(breaker, "denied", NOW - index * 100_000), "done", NOW);
    }
    expect(breaker.open).toBe(true);
  });

  it("opens exactly when a run says so, and remembers no more than it needs", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ denied: fc.boolean(), gap: fc.integer({ min: 0, max: 9000 }) }), { maxLength: 120 }),
        (steps) => {
          let breaker = newBreaker(false);
          let now = NOW;
          let inRow = 0;
          let expected = false;
          const denials: number[] = [];
          for (const { denied, gap } of steps) {
            now += gap;
            breaker = noteOutcome(breaker, denied ? "denied" : "done", now);
            inRow = denied ? inRow + 1 : 0;
            if (denied) denials.push(now);
            expected ||= inRow >= 5 || denials.filter((at) => at > now - 60_000).length >= 20;
            expect(breaker.open).toBe(expected);
            expect(breaker.recent.length).toBeLessThanOrEqual(20);
          }
        },
      ),
    );
  });
});
