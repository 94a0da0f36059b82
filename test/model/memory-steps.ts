import * as fc from "fast-check";

/** What a program does, one step after the other. */
export type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

const ttl = fc.option(fc.integer({ min: 1, max: 90 }));
const words = fc.integer({ min: 0, max: 5 });
const by = fc.constantFrom("instance" as const, "source" as const, "entry" as const);

function step<const Name extends string, More extends object>(
  weight: number,
  name: Name,
  more: { readonly [key in keyof More]: fc.Arbitrary<More[key]> },
): fc.WeightedArbitrary<{ readonly do: Name } & More> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a record of a constant and these
  const arbitrary = fc.record({ do: fc.constant(name), ...more }) as unknown as fc.Arbitrary<
    { readonly do: Name } & More
  >;
  return { weight, arbitrary };
}

export const STEP = fc.oneof(
  step(8, "keep", { ttl, other: fc.boolean(), sourced: fc.boolean(), words, long: fc.boolean() }),
  step(2, "keep-of-another", { words }),
  step(2, "import", { ttl, words, again: fc.option(fc.nat({ max: 9 })) }),
  step(2, "pass", { seconds: fc.integer({ min: 1, max: 60 }) }),
  step(1, "suspend", { seconds: fc.integer({ min: 1, max: 200_000 }) }),
  step(1, "drift", { millis: fc.integer({ min: -120_000, max: 120_000 }) }),
  step(1, "set-wall", { days: fc.integer({ min: -400, max: 400 }) }),
  step(1, "believe", {}),
  step(2, "sweep", { failing: fc.option(fc.constantFrom("beside", "index", "drop", "rewrap")) }),
  step(1, "erase", { which: fc.nat({ max: 30 }) }),
  step(1, "budget", {
    what: fc.constantFrom("append-only" as const, "ephemeral" as const),
    count: fc.integer({ min: 0, max: 14 }),
    bytes: fc.constantFrom(60, 400, 10_000),
  }),
  step(2, "quarantine", { by, which: fc.nat({ max: 30 }) }),
  step(1, "release", { by, which: fc.nat({ max: 30 }) }),
  step(2, "freeze", { name: fc.constantFrom("rules", "soul"), above: fc.integer({ min: -1, max: 2 }), words }),
  step(2, "freeze-entry", { name: fc.constantFrom("rules", "soul"), which: fc.nat({ max: 30 }) }),
  step(1, "freeze-again", { which: fc.nat({ max: 9 }) }),
  step(1, "fail-log", { when: fc.constantFrom("before" as const, "after" as const), ends: fc.boolean() }),
  step(2, "crash", {
    loses: fc.boolean(),
    down: fc.integer({ min: 0, max: 3 }),
    set: fc.option(fc.integer({ min: -400, max: 400 }), { freq: 6 }),
  }),
  step(1, "restore", {}),
);
