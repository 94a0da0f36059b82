import { expect, test } from "vitest";
import { LogError } from "./log/error.ts";
import type { OwingJournal } from "./journal.ts";
import { recovering } from "./recovering.ts";

/** A journal that fails while `broken`, and what was written and tried. */
function stage(): {
  readonly journal: OwingJournal;
  readonly written: string[];
  readonly world: { broken: boolean; out: boolean; stands: boolean; recovers: number; works: number; outs: number };
  /** Lets the next look come. */
  run(): Promise<void>;
} {
  const written: string[] = [];
  const world = { broken: false, out: false, stands: true, recovers: 0, works: 0, outs: 0 };
  let due: (() => void) | null = null;
  const write = async (body: { readonly kind: string }): Promise<number> => {
    if (world.broken) throw new LogError("log-unavailable", "Cannot write the log: ENOSPC");
    return written.push(body.kind);
  };
  const log = {
    async recover() {
      world.recovers++;
      const cause = Object.assign(new Error("no"), { code: world.out ? "EROFS" : "ENOSPC" });
      if (world.broken) throw new LogError("log-unavailable", "still", { cause });
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
  const owed: { readonly kind: string }[] = [];
  const inner = {
    write,
    owe: (body: { readonly kind: string }) => void owed.push(body),
    async pay() {
      while (owed[0] !== undefined) {
        await write(owed[0]);
        owed.shift();
      }
    },
  } as unknown as OwingJournal;
  return {
    journal: recovering({ log, powers, logWorks: () => void world.works++, diskIsOut: () => void world.outs++ }, inner),
    written,
    world,
    async run() {
      const act = due;
      due = null;
      act?.();
      await new Promise((done) => setImmediate(done));
    },
  };
}
const STOP = { kind: "stop", why: "x" } as const;

test("a log that failed is tried again until it works, and then takes what is owed before that is said", async () => {
  const { journal, written, world, run } = stage();
  world.broken = true;
  await expect(journal.write(STOP)).rejects.toThrow("ENOSPC");
  journal.owe({ kind: "stop", why: "owed" });
  await run();
  expect([world.recovers, written, world.works]).toEqual([1, [], 0]);
  world.broken = false;
  await run();
  expect([world.recovers, written, world.works]).toEqual([2, ["stop"], 1]);
  await run();
  expect(world.recovers).toBe(2);
  await journal.write(STOP);
  expect(written).toEqual(["stop", "stop"]);
});

test("a write that fails while the log is tried has it tried once more", async () => {
  const { journal, world, run } = stage();
  world.broken = true;
  await expect(journal.write(STOP)).rejects.toThrow("ENOSPC");
  world.broken = false;
  const looked = run();
  world.stands = false;
  await expect(journal.write(STOP)).rejects.toThrow("not at its place");
  world.stands = true;
  await looked;
  expect(world.works).toBe(0);
  await run();
  expect(world.works).toBe(1);
});

test("of a disk that has to be taken out it is told, and not of one that is full", async () => {
  const { journal, world, run } = stage();
  world.broken = true;
  await expect(journal.write(STOP)).rejects.toThrow("ENOSPC");
  await run();
  expect([world.recovers, world.outs]).toEqual([1, 0]);
  world.out = true;
  await run();
  expect([world.recovers, world.outs]).toEqual([2, 1]);
});

test("RECORD-FIRST: nothing is written for a home that was removed or moved, and again once it is back", async () => {
  const { journal, written, world, run } = stage();
  world.stands = false;
  await expect(journal.write(STOP)).rejects.toMatchObject({
    code: "log-unavailable",
    message: "Cannot write the log: the home is not at its place any more",
  });
  journal.owe(STOP);
  await run();
  expect([written, world.recovers, world.works]).toEqual([[], 0, 0]);
  world.stands = true;
  await run();
  expect([written, world.works]).toEqual([["stop"], 1]);
});
