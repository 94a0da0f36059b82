import { expect, test } from "vitest";
import { createMemoryLog } from "../../../test/fakes/memory-log.ts";
import { openDatabase } from "../../platform/sqlite.ts";
import { createIndexView } from "./index-view.ts";
import { openRecordIndex } from "./record-index.ts";

const query = { from: 0, limit: 100, instance: null, kinds: ["stop", "refused"] };

test("what was written since the last look is found", async () => {
  const log = createMemoryLog("0".repeat(32));
  const view = createIndexView(openRecordIndex(openDatabase(":memory:")), log);
  await log.append({ kind: "stop", why: "one" }, null);
  expect(await view.find(query)).toEqual([0]);
  await log.append({ kind: "refused", peer: "cli", code: "x", what: "y" }, null);
  await log.append({ kind: "stop", why: "two" }, null);
  expect(await Promise.all([view.find(query), view.find({ ...query, kinds: ["stop"] })])).toEqual([
    [0, 1, 2],
    [0, 2],
  ]);
});

test("an index of another log is made anew", async () => {
  const index = openRecordIndex(openDatabase(":memory:"));
  const other = createMemoryLog("1".repeat(32));
  for (const why of ["a", "b", "c"]) await other.append({ kind: "refused", peer: why, code: why, what: why }, null);
  await createIndexView(index, other).find(query);
  const log = createMemoryLog("0".repeat(32));
  await log.append({ kind: "stop", why: "mine" }, null);
  expect(await createIndexView(index, log).find(query)).toEqual([0]);
});

test("what matches everything is found by number, the same as by the index, which is not made for it", async () => {
  const log = createMemoryLog("0".repeat(32));
  for (const why of ["a", "b", "c", "d", "e"]) await log.append({ kind: "stop", why }, null);
  const index = openRecordIndex(openDatabase(":memory:"));
  const view = createIndexView(index, log);
  const all = { instance: null, kinds: [] };
  const queries = [
    { from: 0, limit: 100 },
    { from: 2, limit: 2 },
    { from: 9, limit: 2 },
    { from: 0, limit: 2, newest: true },
    { from: 1, before: 3, limit: 9, newest: true },
    { from: 3, before: 3, limit: 9 },
    { from: 0, before: 99, limit: 0 },
  ];
  const found = [];
  for (const each of queries) found.push(await view.find({ ...all, ...each }));
  expect(index.next).toBe(0);
  for (const entry of log.kept) index.add(entry.record);
  expect(found).toEqual(queries.map((each) => index.find({ ...all, ...each })));
});
