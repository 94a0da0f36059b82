import * as fc from "fast-check";
import { expect, test } from "vitest";
import { contextExceeded } from "./memory-budget.ts";

const budget = fc.record({ bytes: fc.nat(1000), count: fc.nat(1000) });

test("a request fits when the whole of it does, and no more of memory can be in it than the working set lets load", () => {
  fc.assert(
    fc.property(budget, budget, budget, budget, (held, context, workingSet, loaded) => {
      const call = { bytes: held.bytes, inputTokens: held.count };
      const why = contextExceeded(call, { context, workingSet, loaded });
      const whole = held.bytes <= context.bytes && held.count <= context.count;
      const least = (one: number, other: number): number => (one < other ? one : other);
      const ofMemory =
        least(held.bytes, loaded.bytes) <= workingSet.bytes && least(held.count, loaded.count) <= workingSet.count;
      expect(why === null).toBe(whole && ofMemory);
    }),
  );
});

test("what is no number fits nothing", () => {
  const open = { bytes: 9, count: 9 };
  const facts = { context: open, workingSet: open, loaded: { bytes: 0, count: 0 } };
  expect(contextExceeded({ bytes: 1, inputTokens: NaN }, facts)).toContain("(context)");
  expect(contextExceeded({ bytes: 1, inputTokens: 1 }, { ...facts, loaded: { bytes: NaN, count: 0 } })).toContain(
    "(working-set)",
  );
});
