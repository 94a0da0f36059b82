import { expect, test } from "vitest";
import { createMemoryDisk } from "../../../test/fakes/memory-disk.ts";
import { createMemoryLog } from "../../../test/fakes/memory-log.ts";
import { openTestLog, STILL, testKeys } from "../../../test/fakes/open-log.ts";
import { openDatabase } from "../../platform/files/sqlite.ts";
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

test("a log that the index is far behind is looked through, with the same answers, and the index is made meanwhile", async () => {
  const keys = testKeys(createMemoryDisk().open());
  const log = await openTestLog("", { files: createMemoryDisk().open(), keys, timer: STILL });
  const instances = ["i-0123456789abcdef", "i-fedcba9876543210"];
  for (let at = 0; at < 300; at += 1) {
    const [instance = ""] = instances.slice(at % 2);
    if (at % 3 === 0)
      await log.append({ kind: "labelled", instance, labels: ["private"], because: `"kind":"stop"` }, null);
    else if (at % 7 === 0) await log.append({ kind: "stop", why: `"instance":"${instance}"` }, null);
    else await log.append({ kind: "refused", peer: "cli", code: at % 5 === 0 ? "x" : `y "${at}"`, what: "z" }, null);
  }
  await log.settle();
  const index = openRecordIndex(openDatabase(":memory:"));
  const whole = openRecordIndex(openDatabase(":memory:"));
  for await (const { record } of log.records(0, log.size)) whole.add(record);
  const far = createIndexView(index, log, 10);
  const queries = [
    { kinds: ["stop"] },
    { kinds: ["stop", "labelled"], newest: true, limit: 3 },
    { instance: instances[1] ?? "", kinds: [] },
    { instance: instances[0] ?? "", kinds: ["labelled"], newest: true },
    { kinds: [], code: "x", limit: 4 },
    { kinds: ["refused"], code: 'y "11"', from: 5, before: 40 },
    { kinds: ["stop"], from: 290, limit: 0 },
    { kinds: ["grant-signed"] },
  ].map((each) => ({ from: 0, limit: 100, instance: null, ...each }));
  const [first, ...rest] = queries;
  if (first === undefined) throw new Error("there are queries");
  expect(await far.find(first)).toEqual(whole.find(first));
  // What the first question began is there in the end, whoever asks.
  while (index.next < log.size) await new Promise((done) => setImmediate(done));
  for (const each of rest) {
    const anew = createIndexView(openRecordIndex(openDatabase(":memory:")), log, 10);
    expect(await anew.find(each), JSON.stringify(each)).toEqual(whole.find(each));
    expect(await far.find(each)).toEqual(whole.find(each));
    anew.close();
  }
  far.close();
  await log.close();
});
