import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createFold, emptyFolded, type Folded } from "../../src/monitor/kept-state/folded.ts";
import { linesOf, restore } from "../../src/monitor/kept-state/restore.ts";
import { sealLines } from "../../src/monitor/kept-state/sealing.ts";
import type { Entry } from "../../src/monitor/log/log.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { createMemoryLog } from "../fakes/memory-log.ts";
import { CRYPTO, ORIGIN, testEpochs } from "../fakes/open-log.ts";
import { plainState } from "../fakes/plain-state.ts";
import { MOVES, RandomLog } from "../fakes/random-log.ts";

/*
 * A start from a kept state is the start that folds the whole log: random logs with every kind of record that makes any
 * state, kept at a random record, restored, and folded to the end, against the fold of all of it. Compared is everything
 * that was folded, in its order: what a map has in another order would be forgotten in another order.
 */
const STEP = fc.record({ move: fc.nat(MOVES.length - 1), a: fc.nat(1000), b: fc.nat(1000) });

function foldOf(entries: readonly Entry[], folded: Folded = emptyFolded()): Folded {
  const fold = createFold(folded, CRYPTO);
  for (const entry of entries) fold(entry);
  return folded;
}

test("what is kept and what is behind it make the state that the whole log makes", async () => {
  const seen = new Set<string>();
  let kept = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 1, maxLength: 120, size: "max" }),
      fc.nat(1000),
      async (steps, where) => {
        const written = new RandomLog();
        for (const step of steps) written.take(step);
        for (const { record } of written.kept) seen.add(record.kind);
        const log = createMemoryLog("0".repeat(32), written.kept);
        const size = 1 + (where % log.size);
        const before = foldOf(written.kept.slice(0, size));
        // A payload that was erased later: nothing is kept in between.
        if (before.state.unexplained.size > 0) return;
        kept += 1;
        const ports = { log, crypto: CRYPTO, keys: testEpochs(), origin: ORIGIN };
        const place = { origin: ORIGIN, size, root: toHex(await log.rootAt(size)) };
        const pause = async (): Promise<void> => {};
        const bytes = await sealLines(linesOf(before), { ...ports, random: createRandom(), place, pause });
        const { folded } = await restore(bytes, ports, pause);
        expect(plainState(folded)).toEqual(plainState(before));
        foldOf(written.kept.slice(size), folded);
        expect(plainState(folded)).toEqual(plainState(foldOf(written.kept)));
      },
    ),
    { numRuns: 40 },
  );
  // That the test is about something.
  expect(kept).toBeGreaterThan(15);
  expect(seen.size).toBeGreaterThan(40);
});
