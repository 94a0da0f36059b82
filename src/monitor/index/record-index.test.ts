import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase } from "../../platform/files/sqlite.ts";
import type { LogRecord, RecordBody } from "../../protocol/record.ts";
import { openRecordIndex, type RecordIndex, type RecordQuery } from "./record-index.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "record index "));
});
afterAll(() => rmSync(folder, { recursive: true }));

function recordOf(seq: number, body: RecordBody): LogRecord {
  return { v: 1, seq, at: 1000 + seq, start: "0".repeat(32), payload: null, ...body };
}
/** Every third: a stop; an end of `i-a`; a refusal. */
function sample(seq: number): LogRecord {
  if (seq % 3 === 0) return recordOf(seq, { kind: "stop", why: "done" });
  if (seq % 3 === 1) return recordOf(seq, { kind: "instance-ended", instance: "i-a", why: "done", exit: 0 });
  return recordOf(seq, { kind: "refused", peer: "cli", code: "malformed", what: "frame" });
}
function fill(index: RecordIndex, from: number, to: number): void {
  for (let seq = from; seq < to; seq += 1) index.add(sample(seq));
}
const everything: RecordQuery = { from: 0, limit: 1_000_000, instance: null, kinds: [] };
const range = (from: number, to: number, pick: (seq: number) => boolean): readonly number[] =>
  Array.from({ length: to - from }, (_, at) => from + at).filter(pick);

describe("the index of records", () => {
  test("finds by instance, kind, code and action, alone and together, from a number on, up to a limit", () => {
    const index = openRecordIndex(openDatabase(":memory:"));
    fill(index, 0, 1000);
    expect(index.next).toBe(1000);
    expect(index.find(everything)).toEqual(range(0, 1000, () => true));
    expect(index.find({ ...everything, instance: "i-a" })).toEqual(range(0, 1000, (seq) => seq % 3 === 1));
    expect(index.find({ ...everything, kinds: ["stop", "refused"] })).toEqual(range(0, 1000, (seq) => seq % 3 !== 1));
    expect(index.find({ ...everything, kinds: ["stop"], instance: "i-a" })).toEqual([]);
    expect(index.find({ ...everything, code: "malformed", from: 500, limit: 3 })).toEqual([500, 503, 506]);
    expect(index.find({ ...everything, action: "sha256:none" })).toEqual([]);
    index.close();
  });

  test("takes what it is asked for as a value, never as a piece of a statement", () => {
    const index = openRecordIndex(openDatabase(":memory:"));
    fill(index, 0, 30);
    for (const hostile of ["' OR 1=1 --", "%", "*", '"', "i-A", "i-a\u0000"]) {
      expect(index.find({ ...everything, instance: hostile })).toEqual([]);
      expect(index.find({ ...everything, kinds: [hostile] })).toEqual([]);
    }
    expect(index.find({ ...everything, instance: "i-a" })).toHaveLength(10);
    index.close();
  });

  test("goes on after closing, and skips what it knows when the log is replayed over it", () => {
    const path = join(folder, "again.db");
    const first = openRecordIndex(openDatabase(path));
    fill(first, 0, 700);
    first.close();
    const second = openRecordIndex(openDatabase(path));
    expect(second.next).toBe(700);
    fill(second, 0, 900);
    expect(second.find(everything)).toEqual(range(0, 900, () => true));
    second.close();
  });

  test("drops what it knows otherwise than the log, from there on", () => {
    const index = openRecordIndex(openDatabase(":memory:"));
    fill(index, 0, 600);
    fill(index, 0, 300);
    index.add(recordOf(300, { kind: "stop", why: "another log" }));
    expect(index.next).toBe(600);
    index.add({ ...recordOf(301, { kind: "stop", why: "another log" }) });
    expect(index.next).toBe(302);
    expect(index.find({ ...everything, from: 299 })).toEqual([299, 300, 301]);
    index.close();
  });

  test("leaves no gap", () => {
    const index = openRecordIndex(openDatabase(":memory:"));
    fill(index, 0, 10);
    expect(() => index.add(sample(11))).toThrow(RangeError);
    expect(index.next).toBe(10);
    index.close();
  });

  test("makes a database of another version anew", () => {
    const path = join(folder, "old.db");
    const database = openDatabase(path);
    database.execute("CREATE TABLE records (other TEXT); PRAGMA user_version = 77;");
    database.close();
    const index = openRecordIndex(openDatabase(path));
    expect(index.next).toBe(0);
    fill(index, 0, 5);
    expect(index.find(everything)).toHaveLength(5);
    index.close();
  });

  test("is refused by the database when the file is none", () => {
    const path = join(folder, "junk.db");
    writeFileSync(path, "this is no database, but a text of some length".repeat(100));
    expect(() => openDatabase(path)).toThrow("not a database");
  });
});
