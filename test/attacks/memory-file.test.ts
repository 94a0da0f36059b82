import { DatabaseSync } from "node:sqlite";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PlaneOf } from "../../src/kernel/memory.ts";
import { MemoryFault } from "../../src/monitor/memory/fault.ts";
import { BRIEF, MemoryWorld, OWN } from "../fakes/memory-world.ts";

/*
 * Whoever writes the file that memory is read from (index/memory.db), at any byte of any kind of page: tables, what is between
 * their leaves, secondary indexes, pages of long texts and free ones, the header. While the monitor is down or runs.
 *
 * A read is right or says that it is damaged; a search gives nothing wrong, and where it does not find what is there,
 * `aios memory verify` says that something is wrong. Made anew from the log, all is there again.
 */

interface Known {
  readonly of: PlaneOf;
  readonly text: string;
}
const QUERIES = ["cheese", "bread", "word7", "cheese word3", "long"];
const PAGE = 4096;

let world: MemoryWorld;
let folder: string;
/** What is to be read, by its number. */
const known = new Map<number, Known>();
let pages: ReadonlyMap<string, readonly number[]>;

beforeAll(async () => {
  world = new MemoryWorld();
  folder = mkdtempSync(join(tmpdir(), "aios-file-"));
  await world.start();
  const keep = async (text: string, ttl: number | null, agent?: string): Promise<void> => {
    const entry = await world.keep(text, ttl, agent === undefined ? {} : { agent });
    known.set(entry, { of: { ...(ttl === null ? OWN : BRIEF), ...(agent === undefined ? {} : { agent }) }, text });
  };
  for (let number = 0; number < 40; number += 1) {
    await keep(`number${number} cheese of word${number % 9} and a few others${number % 5}`, null);
    await keep(`number${number} bread of word${number % 9} until later`, 3600);
    await keep(`number${number} cheese that is another's`, null, "other");
    await keep(`number${number} ends soon`, 60);
  }
  await keep(`long ${"cheese and bread ".repeat(900)}`, null);
  // What ended leaves pages that are free.
  world.pass(60_000);
  await world.memory.store.sweep();
  for (const [entry, { text }] of known) if (text.endsWith("ends soon")) known.delete(entry);
  world.crash();
  expect(existsSync(`${world.database}-wal`)).toBe(false);
  copyFileSync(world.database, join(folder, "memory.db"));
  pages = pagesOf(world.database);
});
afterAll(() => {
  world.end();
  rmSync(folder, { recursive: true, force: true });
});

/** Pages of each table and index, and of each kind. */
function pagesOf(path: string): ReadonlyMap<string, readonly number[]> {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("SELECT name, pagetype, pageno FROM dbstat").all();
  const named = new Set(rows.map(({ pageno }) => Number(pageno)));
  const count = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
  database.close();
  const found = new Map<string, number[]>();
  for (const { name, pagetype, pageno } of rows) {
    const kind = `${String(name)} ${String(pagetype)}`;
    found.set(kind, [...(found.get(kind) ?? []), Number(pageno)]);
  }
  found.set(
    "free",
    Array.from({ length: count }, (_, at) => at + 1).filter((page) => !named.has(page)),
  );
  return found;
}

/** The file as it was, and nothing beside it. */
function restore(): void {
  for (const suffix of ["-wal", "-shm"]) rmSync(world.database + suffix, { force: true });
  copyFileSync(join(folder, "memory.db"), world.database);
}

interface Seen {
  /** What was read that is not so. */
  readonly wrong: readonly string[];
  /** What was not found, without a word. */
  readonly absent: readonly string[];
  /** Reads that were refused as damaged. */
  readonly refused: number;
  /** How often an entry was named in a list or a search as one that does not open. */
  readonly unreadable: number;
  readonly named: number;
}

/** Reads everything in every way, and verifies. */
async function look(): Promise<Seen> {
  const { store } = world.memory;
  const wrong: string[] = [];
  const absent: string[] = [];
  let refused = 0;
  let unreadable = 0;
  const asking = async <T>(work: Promise<T>): Promise<T | null> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof MemoryFault) || error.code !== "memory-damaged") throw error;
      refused += 1;
      return null;
    }
  };
  for (const [entry, { of, text }] of known) {
    const read = await asking(store.read(of, entry));
    if (read !== null && read.text !== text) wrong.push(`${entry}`);
  }
  for (const of of [OWN, BRIEF, { ...OWN, agent: "other" }]) {
    const there = [...known].filter(([, each]) => each.of.agent === of.agent && each.of.plane === of.plane);
    const numbers = there.map(([entry]) => entry).toSorted((one, other) => other - one);
    const listed = await asking(store.list(of, { before: null, most: 100 }));
    if (listed !== null) {
      const named = new Set(listed.unreadable.entries);
      unreadable += named.size;
      // All that is there is given, or named.
      if (String(listed.entries.map(({ entry }) => entry)) !== String(numbers.filter((entry) => !named.has(entry))))
        absent.push(`list ${of.plane}`);
    }
    for (const query of QUERIES) {
      const words = query.split(" ");
      const having = there.filter(([, { text }]) => words.every((word) => text.split(" ").includes(word)));
      const page = await asking(store.search(of, { query, most: 100 }));
      if (page === null) continue;
      const { entries: found } = page;
      unreadable += page.unreadable.count;
      const lies = found.filter(({ entry, text }) =>
        having.every(([one, each]) => one !== entry || each.text !== text),
      );
      wrong.push(...lies.map(({ entry }) => `search ${query}: ${entry}`));
      if (found.length + page.unreadable.count < having.length) absent.push(`search ${query}`);
    }
  }
  const { damaged, file } = await store.verify();
  return { wrong, absent, refused, unreadable, named: damaged.length + file.length };
}

async function holds(flip: () => void, running: boolean): Promise<Seen> {
  restore();
  if (!running) flip();
  await world.start();
  if (running) flip();
  const seen = await look();
  world.crash();
  expect(seen.wrong).toEqual([]);
  if (seen.absent.length + seen.refused + seen.unreadable > 0) expect([seen, seen.named > 0]).toEqual([seen, true]);
  return seen;
}

function flipper(page: number, at: number, bits: number): () => void {
  return () => {
    const bytes = readFileSync(world.database);
    const offset = (page - 1) * PAGE + at;
    bytes[offset] = (bytes[offset] ?? 0) ^ bits;
    writeFileSync(world.database, bytes);
  };
}

const ALL_WELL = { wrong: [], absent: [], refused: 0, unreadable: 0, named: 0 };

test("changes nothing: all is found", async () => {
  for (const running of [true, false]) expect(await holds(() => {}, running)).toEqual(ALL_WELL);
});

/** Reads everything and verifies once the file was changed, down or running; what verifying says of the file. */
async function said(change: () => void): Promise<{ readonly file: string; readonly seen: Seen }> {
  restore();
  await world.start();
  change();
  const { file } = await world.memory.store.verify();
  const seen = await look();
  world.crash();
  return { file: file.join("; "), seen };
}

test("the header, while the monitor runs: verifying says so, and the next start makes the file anew", async () => {
  const { file, seen } = await said(flipper(1, 20, 1));
  expect(file).not.toBe("");
  expect(seen.wrong).toEqual([]);
  world.reports.length = 0;
  await world.start();
  expect(await look()).toEqual(ALL_WELL);
  world.crash();
});

test("an index of the database: it is named, and what is read is right", async () => {
  const [page = 0] = pages.get("by_segment leaf") ?? [];
  // The last cell of a leaf lies at its end: the number of an entry is its last byte.
  const { file, seen } = await said(flipper(page, PAGE - 1, 1));
  expect(file).toContain("by_segment");
  expect(seen).toMatchObject({ wrong: [], absent: [], refused: 0 });
});

test("the file is taken away while the monitor runs: verifying says so", async () => {
  expect((await said(() => rmSync(world.database))).file).toContain("unable to open");
});

test("a view in a table's place: verifying says so, and the next start has none of it", async () => {
  const { file } = await said(() => {
    const database = new DatabaseSync(world.database);
    database.exec("CREATE TRIGGER hides AFTER INSERT ON entries BEGIN DELETE FROM entries; END");
    database.close();
  });
  expect(file).toBe("its tables are not those that belong there");
  await world.start();
  expect(await look()).toEqual(ALL_WELL);
  world.crash();
});

test.each(["beside", "drop", "rewrap"])(
  "what ends is destroyed all the same when %s finds the file damaged, which is made anew without it",
  async (order) => {
    restore();
    await world.start();
    const { size } = world.gone;
    world.reports.length = 0;
    await world.keep("ends while it is damaged", 30);
    world.pass(30_000);
    world.finding = order;
    await world.memory.store.sweep();
    expect([world.finding, world.journal.state.memory.unsettled]).toEqual([null, []]);
    expect(world.gone.size).toBeGreaterThan(size);
    expect(world.reports).toEqual([expect.stringContaining("made anew from the log")]);
    expect(await look()).toEqual(ALL_WELL);
    world.crash();
    copyFileSync(world.database, join(folder, "memory.db"));
    pages = pagesOf(world.database);
  },
);

test("any byte of any kind of page: nothing wrong is read, and nothing is missed without being named", async () => {
  const kinds = [...pages].filter(([, numbers]) => numbers.length > 0);
  const flips = fc.record({
    where: fc.constantFrom(...kinds).chain(([, numbers]) => fc.constantFrom(...numbers)),
    // Most of what steers a page is at its beginning.
    at: fc.oneof(fc.nat({ max: 119 }), fc.nat({ max: PAGE - 1 })),
    bits: fc.integer({ min: 1, max: 255 }),
    running: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(flips, async ({ where, at, bits, running }) => {
      await holds(flipper(where, at, bits), running);
    }),
    { numRuns: Number(process.env["AIOS_MEMORY_FLIPS"] ?? 25) },
  );
  // Afterwards, made anew: nothing was lost.
  restore();
  rmSync(world.database);
  await world.start();
  expect(await look()).toEqual(ALL_WELL);
  world.crash();
}, 600_000);
