import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  CHECKPOINT,
  openCheckpointer,
  openDatabase,
  openDatabaseToRead,
  type Checkpointer,
  type SqlDatabase,
} from "../platform/files/sqlite.ts";
import { createCheckpoints } from "./shelf-checkpoints.ts";

const PAGE = 4096;
let folder: string;
let path: string;
let database: SqlDatabase;
let other: Checkpointer;
/** What the other thread was asked, and what the writer did itself. */
let asked: string[];
let own: number;
/** What happens before the answer of the other thread is there. */
let meanwhile: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aios-checkpoints-"));
  path = join(folder, "memory.db");
  database = openDatabase(path);
  database.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)");
  other = openCheckpointer(path);
  [asked, own, meanwhile] = [[], 0, () => {}];
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

const begin = () =>
  createCheckpoints(
    {
      prepare: database.prepare,
      execute(sql) {
        if (sql === CHECKPOINT) own += 1;
        database.execute(sql);
      },
    },
    () => ({
      async ask(question) {
        asked.push(String(question));
        if (question === "close") return other.close();
        other.checkpoint();
        meanwhile();
      },
      async end() {},
    }),
    { many: 50, long: 200, little: 20, tooLong: 2000 },
  );

function write(pages: number): void {
  database.prepare("INSERT INTO rows (text) VALUES (?)").run("x".repeat(pages * PAGE));
}
const pagesOfLog = (): number => Math.floor(statSync(`${path}-wal`).size / PAGE);

test("what a log holds is moved by the other thread, and begins again from its start", async () => {
  const checkpoints = begin();
  for (let round = 0; round < 15; round += 1) {
    write(30);
    checkpoints.look();
    await checkpoints.rest();
  }
  expect([own, asked.length > 5, pagesOfLog() < 150]).toEqual([0, true, true]);
  await checkpoints.end();
  expect(asked.at(-1)).toBe("close");
});

test("a log that never is moved whole, since something is written all the time, is moved by the writer when little is left", async () => {
  const checkpoints = begin();
  const reading = openDatabaseToRead(path);
  meanwhile = () => reading.prepare("COMMIT").all();
  for (let round = 0; round < 40; round += 1) {
    write(50);
    reading.prepare("BEGIN").all();
    reading.prepare("SELECT COUNT(*) FROM rows").all();
    write(5); // as if it came while the other thread was at it
    checkpoints.look();
    await checkpoints.rest();
  }
  expect([own > 0, own < 15, pagesOfLog() < 400]).toEqual([true, true, true]);
  reading.close();
  await checkpoints.end();
});

test("while somebody reads what lies further back, nobody asks in a circle, and afterwards all is moved", async () => {
  const reading = openDatabaseToRead(path);
  reading.prepare("BEGIN").all();
  reading.prepare("SELECT COUNT(*) FROM rows").all();
  const checkpoints = begin();
  for (let round = 0; round < 10; round += 1) {
    write(100);
    checkpoints.look();
    await checkpoints.rest();
  }
  expect([asked.length < 15, pagesOfLog() > 900]).toEqual([true, true]);
  reading.prepare("COMMIT").all();
  reading.close();
  write(1);
  checkpoints.look();
  await checkpoints.rest();
  write(1);
  const [found] = database.prepare("PRAGMA wal_checkpoint(NOOP)").all();
  expect(Number(found?.["log"])).toBeLessThan(10);
  await checkpoints.end();
});
