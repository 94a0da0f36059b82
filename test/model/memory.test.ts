import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Refusal } from "../../src/monitor/faults.ts";
import { MemoryFault } from "../../src/monitor/memory/fault.ts";
import type { Content } from "../../src/protocol/memory-content.ts";
import { contentOf } from "../fakes/memory-export.ts";
import { bringIn } from "../fakes/memory-import.ts";
import { AGENT, BRIEF, INSTANCE, MemoryWorld, OWN } from "../fakes/memory-world.ts";

/*
 * MEMORY-KEEPS-ITS-RULES: memory over a log, keys and a database that outlive it, against the plainest model of its planes.
 * Random programs keep, import, read, list, search, erase, put into quarantine and raise budgets, while clocks are set forward and
 * back, the machine sleeps, the log fails, sweeps are cut off, the database is lost, and the process is killed. Whatever
 * the order:
 *
 * - what was acknowledged and neither ended nor was erased is read word for word, is listed and is found, and nothing else is,
 * - what ended or was erased is never read again, by any clock, and after a sweep its key is in no epoch that is left,
 * - what was imported is as if it had been kept here, and never comes in a second time,
 * - no budget is passed, and the log agrees with every key, seal and index.
 */
interface Known {
  readonly text: string;
  readonly plane: "append-only" | "ephemeral";
  readonly expires: number | null;
  readonly instance: string;
  state: "there" | "gone";
}

const OTHER = "i-00000000000000ff";
const STEP = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("keep" as const),
      ttl: fc.option(fc.integer({ min: 1, max: 90 })),
      other: fc.boolean(),
      words: fc.integer({ min: 0, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("set-wall" as const), days: fc.integer({ min: -400, max: 400 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("believe" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("import" as const),
      ttl: fc.option(fc.integer({ min: 1, max: 90 })),
      words: fc.integer({ min: 0, max: 5 }),
      again: fc.option(fc.nat({ max: 9 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("sweep" as const),
      failing: fc.option(fc.constantFrom("beside", "index", "drop", "rewrap")),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("erase" as const), which: fc.nat({ max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("quarantine" as const), back: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("fail-log" as const),
      when: fc.constantFrom("before" as const, "after" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("crash" as const),
      loses: fc.boolean(),
      down: fc.integer({ min: 0, max: 3 }),
    }),
  },
);

const BUDGET = 12;

async function runProgram(steps: readonly (typeof STEP extends fc.Arbitrary<infer T> ? T : never)[]): Promise<void> {
  const world = new MemoryWorld();
  const known = new Map<number, Known>();
  const imported: Content[] = [];
  let quarantined = false;
  const setBudgets = (): void => {
    for (const what of ["append-only", "ephemeral"] as const)
      world.journal.state.memory.setBudget(AGENT, { what, budget: { bytes: 10_000, count: BUDGET } });
    if (quarantined) world.journal.state.memory.quarantine({ by: "instance", value: OTHER });
  };
  try {
    await world.start();
    setBudgets();
    for (const [number, step] of steps.entries()) {
      const { memory: book } = world.journal.state;
      switch (step.do) {
        case "keep": {
          const text = `note${number} word${step.words}`;
          const plane = step.ttl === null ? "append-only" : "ephemeral";
          const room = book.used({ agent: AGENT, plane }).count < BUDGET;
          const at = world.trusted.now();
          const kept = await world
            .keep(text, step.ttl, step.other ? { instance: OTHER } : {})
            .catch((error: unknown) => error);
          if (typeof kept !== "number") {
            // Only for want of room: every failure of the log is repaired before the next step.
            expect(kept).toBeInstanceOf(MemoryFault);
            expect(room).toBe(false);
            break;
          }
          expect(room).toBe(true);
          expect(known.has(kept)).toBe(false);
          const expires = step.ttl === null ? null : at + step.ttl * 1000;
          known.set(kept, { text, plane, expires, instance: step.other ? OTHER : INSTANCE, state: "there" });
          break;
        }
        case "import": {
          const before = imported[step.again ?? imported.length];
          const text = `note${number} word${step.words}`;
          const plane = step.ttl === null ? "append-only" : "ephemeral";
          const room = book.used({ agent: AGENT, plane }).count < BUDGET;
          const expires = step.ttl === null ? null : world.trusted.now() + step.ttl * 1000;
          const content = before ?? contentOf(text, { agent: AGENT, plane, expires, instance: INSTANCE, sources: [] });
          const refused = await bringIn(world, [content]).catch((error: unknown) => error);
          if (refused !== undefined) expect(refused).toBeInstanceOf(Refusal);
          // What was here once never comes in again, whatever became of it.
          expect(refused === undefined).toBe(before === undefined && room);
          if (refused !== undefined) break;
          imported.push(content);
          const body = world.kept.at(-1)?.record;
          const entry = body?.kind === "memory-kept" ? body.entry : -1;
          expect(known.has(entry)).toBe(false);
          known.set(entry, { text, plane, expires, instance: INSTANCE, state: "there" });
          break;
        }
        case "pass":
          world.pass(step.seconds * 1000);
          break;
        case "set-wall":
          world.wall += step.days * 86_400_000;
          break;
        case "believe":
          world.trusted.accept();
          break;
        case "sweep": {
          const due = [...known].filter(([entry]) => book.look(entry, world.trusted.now()) === "expired");
          world.failing = step.failing;
          const swept = await world.memory.store.sweep().then(
            () => true,
            () => false,
          );
          world.failing = null;
          // What the log calls ended stays so, whatever any clock says later.
          for (const [entry, each] of due) if (!book.holds(entry)) each.state = "gone";
          if (swept) expect(book.unsettled).toEqual([]);
          break;
        }
        case "erase": {
          const entries = [...known].filter(([entry]) => book.holds(entry)).map(([entry]) => entry);
          const entry = entries[step.which % Math.max(1, entries.length)];
          if (entry === undefined) break;
          await world.journal.write(
            { kind: "memory-erased", count: 1, key: "ed25519:0123456789abcdef" },
            { document: { entries: [entry] } },
          );
          const erased = known.get(entry);
          if (erased !== undefined) erased.state = "gone";
          break;
        }
        case "quarantine":
          quarantined = !step.back;
          if (quarantined) book.quarantine({ by: "instance", value: OTHER });
          else book.release({ by: "instance", value: OTHER });
          break;
        case "fail-log":
          world.log.failNext(step.when);
          await expect(world.keep(`refused${number}`)).rejects.toThrow();
          await world.log.recover();
          break;
        case "crash":
          world.crash();
          if (step.loses) world.lose();
          world.pass(step.down * 1000);
          await world.start();
          setBudgets();
          break;
        default:
          step satisfies never;
      }
      await compare(world, known, quarantined);
    }
  } finally {
    world.end();
  }
}

async function compare(world: MemoryWorld, known: ReadonlyMap<number, Known>, quarantined: boolean): Promise<void> {
  const { store } = world.memory;
  const now = world.trusted.now();
  const readable = [...known].filter(
    ([, each]) =>
      each.state === "there" &&
      (each.expires === null || each.expires > now) &&
      !(quarantined && each.instance === OTHER),
  );
  for (const of of [OWN, BRIEF]) {
    const wanted = readable.filter(([, { plane }]) => plane === of.plane).toSorted(([a], [b]) => b - a);
    const listed = await store.list(of, { before: null, most: 100 });
    expect(listed.map(({ entry, text }) => [entry, text])).toEqual(wanted.map(([entry, { text }]) => [entry, text]));
    const found = await store.search(of, { query: "WORD1", most: 100 });
    const having = wanted.filter(([, { text }]) => text.endsWith("word1"));
    expect(found.map(({ entry }) => entry)).toEqual(having.map(([entry]) => entry));
    expect(world.journal.state.memory.used(of).count).toBeLessThanOrEqual(BUDGET);
  }
  for (const [entry, each] of known) {
    const of = { agent: AGENT, plane: each.plane };
    const read = await store.read(of, entry).then(
      ({ text }) => text,
      () => null,
    );
    expect([entry, read]).toEqual([entry, readable.some(([one]) => one === entry) ? each.text : null]);
  }
  expect((await store.verify()).damaged).toEqual([]);
}

test(
  "MEMORY-KEEPS-ITS-RULES: no program, clock, failure or crash breaks a rule of a plane",
  { timeout: 120_000 },
  async () => {
    await fc.assert(fc.asyncProperty(fc.array(STEP, { maxLength: 25 }), runProgram), {
      numRuns: Number(process.env["MEMORY_RUNS"] ?? 15),
    });
  },
);
