import { expect, test } from "vitest";
import { LogError } from "./log/error.ts";
import type { OwingJournal } from "./journal.ts";
import { recovering, type RecoveringJournal } from "./recovering.ts";

/** A journal that fails while `broken`, and what was written and tried. */
function stage(): {
  readonly journal: RecoveringJournal;
  readonly written: string[];
  readonly world: {
    broken: boolean;
    out: boolean;
    stands: boolean;
    recovers: number;
    works: number;
    outs: number;
    shrunk: boolean;
    tooLarge: boolean;
  };
  readonly reports: string[];
  /** Lets the next look come. */
  run(): Promise<void>;
} {
  const written: string[] = [];
  const world = {
    broken: false,
    out: false,
    shrunk: false,
    tooLarge: false,
    stands: true,
    recovers: 0,
    works: 0,
    outs: 0,
  };
  let due: (() => void) | null = null;
  const write = async (body: { readonly kind: string }): Promise<number> => {
    if (world.broken) throw new LogError("log-unavailable", "Cannot write the log: ENOSPC");
    if (world.tooLarge) throw new LogError("record-too-large", "Cannot append: it is too large");
    return written.push(body.kind);
  };
  const log = {
    doubt(found: Error | null) {
      if (found !== null || world.broken) return new LogError("log-unavailable", "it failed", { cause: found });
      return null;
    },
    async recover() {
      world.recovers++;
      if (world.broken && world.shrunk)
        throw new LogError("log-shrunk", "Cannot go on: the disk came back with 3 records of the log's 4");
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
  const reports: string[] = [];
  const report = (words: string): void => void reports.push(words);
  const hears = { logWorks: () => void world.works++, diskIsOut: () => void world.outs++, report };
  return {
    journal: recovering({ log, powers, ...hears }, inner),
    reports,
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

test("the log's state is there to be asked for while it takes nothing, and is said once each time that it is another", async () => {
  const { journal, world, run, reports } = stage();
  expect(journal.trouble()).toBeNull();
  world.broken = true;
  await expect(journal.write(STOP)).rejects.toThrow("ENOSPC");
  expect(journal.trouble()).toMatchObject({ code: "log-unavailable" });
  await run();
  await run();
  expect(journal.trouble()).toMatchObject({ code: "log-full", message: "the disk of the log is full" });
  world.out = true;
  await run();
  expect(journal.trouble()).toMatchObject({ code: "log-read-only" });
  world.shrunk = true;
  await run();
  expect(journal.trouble()).toMatchObject({
    code: "log-shrunk",
    message: "Cannot go on: the disk came back with 3 records of the log's 4",
    hint: expect.stringMatching(/put the disk back as it was, with every record.*aios restore/u),
  });
  world.broken = false;
  await run();
  expect(journal.trouble()).toBeNull();
  expect(reports.map((words) => /\((log-[a-z-]+)\)|written again/u.exec(words)?.[1] ?? words)).toEqual([
    "log-unavailable",
    "log-full",
    "log-read-only",
    "log-shrunk",
    "the log can be written again",
  ]);
});

test("a record that is too large says nothing of the log", async () => {
  const { journal, world, run } = stage();
  world.tooLarge = true;
  await expect(journal.write(STOP)).rejects.toMatchObject({ code: "record-too-large" });
  expect(journal.trouble()).toBeNull();
  await run();
  expect(journal.trouble()).toBeNull();
});

test("a look finds what no write has found yet, and has the disk let go of", async () => {
  const { journal, world, run } = stage();
  journal.look(null);
  await run();
  expect([world.recovers, journal.trouble()]).toEqual([0, null]);
  Object.assign(world, { broken: true, out: true });
  journal.look(Object.assign(new Error("it takes no writes any more"), { code: "EROFS" }));
  expect(journal.trouble()).toMatchObject({ code: "log-read-only" });
  await run();
  journal.look(null);
  expect([world.recovers, world.outs]).toEqual([1, 1]);
  world.broken = false;
  await run();
  expect([world.works, journal.trouble()]).toEqual([1, null]);
});

test("a look finds a log that failed while nobody waited for a write", async () => {
  const { journal, world, run } = stage();
  world.broken = true;
  journal.look(null);
  world.broken = false;
  await run();
  expect([world.recovers, world.works]).toEqual([1, 1]);
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
  expect(journal.trouble()).toMatchObject({ code: "log-away" });
  world.stands = true;
  await run();
  expect([written, world.works]).toEqual([["stop"], 1]);
});
