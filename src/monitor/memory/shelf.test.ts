import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import { wordsOf } from "../../kernel/memory-words.ts";
import { createRandom } from "../../platform/keys/random.ts";
import { openDatabase, openDatabaseToRead, type SqlDatabase } from "../../platform/files/sqlite.ts";
import { createExaminer } from "./shelf-examiner.ts";
import type { Indexed, ShelfRow } from "./shelf-orders.ts";
import { createShelf, type Shelf } from "./shelf.ts";

const OWN = { agent: "worker", plane: "append-only" } as const;
const KEY = { epoch: 1, key: new Uint8Array(32).fill(7) };

let folder: string;
let database: SqlDatabase;
/** What happens while an order takes turns with others, once. */
let meanwhile: (() => Promise<void>) | null;
let failing: string | null;
let shelf: Shelf;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "aios-shelf-"));
  meanwhile = null;
  failing = null;
  shelf = await openShelf();
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openShelf(): Promise<Shelf> {
  database = openDatabase(join(folder, "memory.db"));
  const { prepare, close } = database;
  const execute = (sql: string): void => {
    if (sql === failing) throw new Error("the disk is full");
    database.execute(sql);
  };
  const opened = createShelf(
    { execute, prepare, close },
    {
      crypto: CRYPTO,
      random: createRandom(),
      async pause() {
        const now = meanwhile;
        meanwhile = null;
        await now?.();
      },
    },
  );
  await opened.begin({ key: KEY });
  return opened;
}

const row = (entry: number, text: string): ShelfRow & Indexed => ({
  entry,
  ...OWN,
  expires: null,
  digest: `sha256:${entry}`,
  bytes: text.length,
  sealed: "AAAA",
  text,
  bucket: 0,
});

async function found(words: readonly string[], most = 100): Promise<readonly number[]> {
  return shelf.search({ ...OWN, words, before: null, most });
}

/** Entries that the index does not find by every word of their text, by the file as it lies there. */
function lost(...texts: readonly { readonly entry: number; readonly text: string }[]): readonly number[] {
  const file = openDatabaseToRead(join(folder, "memory.db"));
  try {
    const examiner = createExaminer(file, CRYPTO);
    expect(examiner.begin({ key: KEY })).toEqual([]);
    return examiner.check({ texts });
  } finally {
    file.close();
  }
}

test("a group of which one cannot be put leaves nothing, and what comes after it is found, now and after a start", async () => {
  await shelf.add({ rows: [row(0, "first cheese")] });
  failing = "COMMIT";
  // More than a part holds, so that the transaction that is rolled back made a part.
  const many = Array.from({ length: 2050 }, (_, at) => row(1 + at, "second cheese"));
  expect(() => shelf.add({ rows: many })).toThrow("the disk is full");
  failing = null;
  expect(await found(["cheese"])).toEqual([0]);
  await shelf.add({ rows: [row(5000, "third cheese")] });
  for (const again of [false, true]) {
    if (again) {
      database.close();
      shelf = await openShelf();
    }
    expect(await found(["cheese"])).toEqual([5000, 0]);
    expect(await found(["third"])).toEqual([5000]);
    expect(lost({ entry: 5000, text: "third cheese" }, { entry: 0, text: "first bread" })).toEqual([0]);
  }
});

test("a stranger that has the number of an entry gives way to it, and takes no other with it", async () => {
  await shelf.add({ rows: [{ ...row(1, "planted"), digest: "sha256:other" }] });
  await shelf.add({ rows: [row(0, "zero"), row(1, "one"), row(2, "two")] });
  const rows = [0, 1, 2].map((entry) => shelf.read({ entry }));
  expect(rows).toMatchObject([{ bytes: 4 }, { bytes: 3 }, { bytes: 3 }]);
});

test("an entry that is put there twice is in the index once, so that it is taken out of it", async () => {
  for (const _ of [1, 2]) await shelf.add({ rows: [row(0, "one cheese")] });
  expect(database.prepare("SELECT COUNT(*) AS count FROM postings").all()).toEqual([{ count: 2 }]);
});

test("the newest that have a word come first and in turns, though parts that were indexed anew have older ones", async () => {
  await shelf.add({ rows: [row(0, "old cheese"), row(1, "ends"), row(2, "cheese too")] });
  const { segments } = await shelf.beside({ entries: [1] });
  await shelf.add({ rows: [row(3, "new cheese"), row(4, "newer cheese")] });
  await shelf.index({ texts: [0, 2].map((entry) => ({ entry, text: "cheese", bucket: 1 })) });
  await shelf.drop({ entries: [1], segments });
  expect(await found(["cheese"], 2)).toEqual([4, 3]);
  expect(await shelf.search({ ...OWN, words: ["cheese"], before: 3, most: 1 })).toEqual([2]);
  expect(await shelf.search({ ...OWN, words: ["cheese"], before: 2, most: 9 })).toEqual([0]);
});

test("tables of others in the file are dropped with all that hangs on them, and a part moved to another plane is none", async () => {
  await shelf.add({ rows: [row(0, "one cheese")] });
  database.execute("UPDATE segments SET place = 'other/append-only'");
  database.close();
  const again = await openShelf();
  expect(
    await again.search({ agent: "other", plane: "append-only", words: ["cheese"], before: null, most: 9 }),
  ).toEqual([]);
  expect(await again.begin({ key: KEY })).toEqual({ entries: [0], unindexed: [0] });
  database.execute("CREATE TRIGGER hides AFTER INSERT ON entries BEGIN DELETE FROM entries; END");
  database.close();
  shelf = await openShelf();
  expect(await shelf.begin({ key: KEY })).toEqual({ entries: [], unindexed: [] });
  await shelf.add({ rows: [row(0, "one cheese")] });
  expect(await found(["cheese"])).toEqual([0]);
});

test("what is put into a part while it is found out what else is in it is among the others", async () => {
  await shelf.add({ rows: [row(0, "ends"), row(1, "stays")] });
  meanwhile = async () => {
    await shelf.add({ rows: [row(2, "comes meanwhile")] });
  };
  const { segments, others } = await shelf.beside({ entries: [0] });
  expect([...others]).toEqual([1, 2]);
  await shelf.index({
    texts: [
      { entry: 1, text: "stays", bucket: 0 },
      { entry: 2, text: "comes meanwhile", bucket: 0 },
    ],
  });
  meanwhile = async () => {
    await shelf.add({ rows: [row(3, "comes later")] });
  };
  await shelf.drop({ entries: [0], segments });
  expect(await found(["ends"])).toEqual([]);
  expect([await found(["stays"]), await found(["comes"])]).toEqual([[1], [3, 2]]);
  expect(database.prepare("SELECT COUNT(*) AS count FROM postings").all()).toEqual([{ count: 5 }]);
});

test("parts of any size are found out and taken apart whole", async () => {
  const many = Array.from({ length: 2100 }, (_, at) => row(at, `word${at} common`));
  await shelf.add({ rows: many });
  const gone = [0, 2099];
  const { segments, others } = await shelf.beside({ entries: gone });
  expect(segments).toHaveLength(2);
  expect([...others].toSorted((one, other) => one - other)).toEqual(Array.from({ length: 2098 }, (_, at) => at + 1));
  await shelf.drop({ entries: gone, segments });
  expect(database.prepare("SELECT COUNT(*) AS count FROM postings").all()).toEqual([{ count: 0 }]);
  expect(database.prepare("SELECT COUNT(*) AS count FROM segments").all()).toEqual([{ count: 0 }]);
});

test("a search has every word, however many and however common", async () => {
  const vocabulary = ["all", "most", "half", "few", "one", "other"];
  const texts = fc.array(fc.subarray(vocabulary), { minLength: 1, maxLength: 90 });
  await fc.assert(
    fc.asyncProperty(texts, fc.subarray([...vocabulary, "never"], { minLength: 1 }), async (each, words) => {
      await shelf.remove({ entries: Array.from({ length: 90 }, (_, at) => at) });
      database.execute("DELETE FROM postings");
      await shelf.add({ rows: each.map((text, entry) => row(entry, `all ${text.join(" ")}`)) });
      const wanted = each
        .flatMap((text, entry) => (words.every((word) => ["all", ...text].includes(word)) ? [entry] : []))
        .toReversed();
      expect(await found(words)).toEqual(wanted);
      expect(await found(words, 3)).toEqual(wanted.slice(0, 3));
    }),
    { numRuns: 30 },
  );
  const long = Array.from({ length: 128 }, (_, at) => `w${at}`).join(" ");
  await shelf.add({ rows: [row(200, long), row(201, long.slice(0, -2))] });
  expect(await found(wordsOf(long))).toEqual([200]);
});
