import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StartedProgram } from "./evidence.ts";
import { createStartKeeper, HURRIED_MOST, PACE, START_MOST } from "./start-words.ts";

const start = (...words: readonly string[]): StartedProgram => ({
  pid: 7,
  parent: 6,
  program: "/usr/bin/cc",
  arguments: words,
  cut: false,
});
const bytes = ({ program, arguments: words }: StartedProgram): number =>
  Buffer.byteLength(JSON.stringify(program)) + Buffer.byteLength(JSON.stringify(words));

describe("what is kept of an instance's starts", () => {
  test("is all of those that builds have", () => {
    const { keep } = createStartKeeper(() => 0);
    const one = start("cc", ...Array.from({ length: 15 }, (_, at) => `-I/a/folder/of/headers/${at}/${"x".repeat(90)}`));
    expect(keep(one)).toEqual(one);
    expect(keep({ ...one, cut: true })).toEqual({ ...one, cut: true });
  });

  test("attack: is bounded in the bytes that the log writes, whatever the words are", () => {
    const { keep } = createStartKeeper(() => 0);
    // Sixteen words of 256 bytes that are six bytes each in JSON: 24 KiB.
    const kept = keep(start(...Array.from({ length: 16 }, () => "\u001b".repeat(256))));
    expect(kept).toMatchObject({ pid: 7, parent: 6, program: "/usr/bin/cc", cut: true });
    expect(bytes(kept)).toBeLessThanOrEqual(START_MOST + 8);
    expect(kept.arguments[0]).toBe("\u001b".repeat(256));
    const named = keep({ ...start("x"), program: "\u0001".repeat(512) });
    expect([named.program, named.arguments, named.cut]).toEqual(["\u0001".repeat(170), ["x"], true]);
  });

  test("is whole characters from the beginning on", () => {
    const word = fc.string({ unit: "binary", maxLength: 256 }).map((text) => text.toWellFormed());
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 16 }),
        fc.string({ unit: "binary", maxLength: 512 }),
        (words, program) => {
          const given = { ...start(...words), program: program.toWellFormed() };
          const kept = createStartKeeper(() => 0).keep(given);
          expect(bytes(kept)).toBeLessThanOrEqual(START_MOST + 8);
          expect(given.program.startsWith(kept.program)).toBe(true);
          for (const [at, each] of kept.arguments.entries()) {
            expect(words[at]?.startsWith(each)).toBe(true);
            expect(each.isWellFormed()).toBe(true);
          }
          const whole = kept.program === given.program && JSON.stringify(kept.arguments) === JSON.stringify(words);
          expect(kept.cut).toBe(!whole);
        },
      ),
    );
  });

  test("attack: is less of each start once there are too many in a minute, and none of them is left out", () => {
    let now = 0;
    const { keep } = createStartKeeper(() => now);
    const long = start(...Array.from({ length: 16 }, () => "a".repeat(256)));
    let total = 0;
    for (let count = 0; count < 10_000; count++) total += bytes(keep(long));
    expect(total).toBeLessThan(PACE.bytes + START_MOST + 10_000 * (HURRIED_MOST + 32));
    const hurried = keep(long);
    expect(hurried).toMatchObject({ program: "/usr/bin/cc", cut: true });
    expect(hurried.arguments[0]).toBe("a".repeat(256));
    // Short ones stay whole.
    expect(keep(start("make", "-j8"))).toEqual(start("make", "-j8"));
    now = PACE.ms;
    expect(bytes(keep(long))).toBeGreaterThan(START_MOST - 300);
  });
});
