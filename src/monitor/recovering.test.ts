import { expect, test } from "vitest";
import { LogError } from "./log/error.ts";
import type { Journal } from "./journal.ts";
import { recovering } from "./recovering.ts";

/** A journal that fails while `broken`, and what was written and tried. */
function stage(): {
  readonly journal: Journal;
  readonly written: string[];
  readonly world: { broken: boolean; stands: boolean; recovers: number };
  run(): void;
} {
  const written: string[] = [];
  const world = { broken: false, stands: true, recovers: 0 };
  let due: (() => void) | null = null;
  const write = async (body: { readonly kind: string }): Promise<number> => {
    if (world.broken) throw new LogError("log-unavailable", "Cannot write the log: ENOSPC");
    return written.push(body.kind);
  };
  const log = {
    async recover() {
      world.recovers++;
      if (world.broken) throw new LogError("log-unavailable", "still");
    },
  };
  const timer = {
    after(_ms: number, act: () => void) {
      due = act;
      return () => {};
    },
  };
  // Only what is used of each is there.
  const powers = { timer, homeStands: () => world.stands } as unknown as Parameters<typeof recovering>[0]["powers"];
  const inner = { write } as unknown as Journal;
  return {
    journal: recovering({ log, powers }, inner),
    written,
    world,
    run() {
      const act = due;
      due = null;
      act?.();
    },
  };
}
const STOP = { kind: "stop", why: "x" } as const;

test("a log that failed is tried again until it works", async () => {
  const { journal, written, world, run } = stage();
  world.broken = true;
  await expect(journal.write(STOP)).rejects.toThrow("ENOSPC");
  run();
  await Promise.resolve();
  expect(world.recovers).toBe(1);
  world.broken = false;
  await journal.write(STOP);
  expect(written).toEqual(["stop"]);
});

test("RECORD-FIRST: nothing is written for a home that was removed or moved, and again once it is back", async () => {
  const { journal, written, world } = stage();
  world.stands = false;
  await expect(journal.write(STOP)).rejects.toMatchObject({
    code: "log-unavailable",
    message: "Cannot write the log: the home is not at its place any more",
  });
  expect(written).toEqual([]);
  world.stands = true;
  await journal.write(STOP);
  expect(written).toEqual(["stop"]);
});
