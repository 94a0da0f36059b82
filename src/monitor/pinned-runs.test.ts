import { expect, test } from "vitest";
import type { DriverSource } from "../kernel/grant.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { OwingJournal } from "./journal.ts";
import type { LiveInstance } from "./live.ts";
import { createPinnedRuns, type PinnedRun } from "./pinned-runs.ts";

const PIN = `sha256:${"1".repeat(64)}`;
const OTHER = `sha256:${"2".repeat(64)}`;
const STDIO: DriverSource = { kind: "stdio", command: ["node"], code: [], workspace: "none" };
const ext = (id: string): DriverSource => ({ kind: "ext", extension: id, command: ["node"], workspace: "none" });

function stage({ works = true } = {}) {
  const [records, owed, ends]: [RecordBody[], RecordBody[], string[]] = [[], [], []];
  const journal = {
    write: (body: RecordBody) => (works ? Promise.resolve(records.push(body)) : Promise.reject(new Error("full"))),
    owe: (body: RecordBody) => void owed.push(body),
  } as unknown as OwingJournal;
  const runs = createPinnedRuns(journal);
  const add = (instance: string, { pin = PIN, source = STDIO, over = false } = {}): PinnedRun => {
    const live = { state: { instance, agent: "worker" }, over } as unknown as LiveInstance;
    const run = { live, driver: "notes", spec: { pin, source }, end: () => void ends.push(instance) };
    runs.add(run);
    return run;
  };
  return { runs, add, records, owed, ends };
}
const record = (instance: string, pin = PIN): RecordBody => ({
  kind: "driver-ended",
  instance,
  agent: "worker",
  driver: "notes",
  pin,
  code: "prohibited-call",
});

test("every run of a pin ends in the same turn, with a record each, and is ended once", () => {
  const { runs, add, records, ends } = stage();
  for (const instance of ["i-1", "i-2"]) add(instance);
  add("i-3", { pin: OTHER });
  runs.delete(add("i-4"));
  for (let twice = 0; twice < 2; twice++) runs.end({ pin: PIN, source: STDIO }, "prohibited-call");
  expect(ends).toEqual(["i-1", "i-2"]);
  expect(records).toEqual([record("i-1"), record("i-2")]);
});

test("after a prohibited call what other grants have of its extension ends too, and after another offer it does not", () => {
  const { runs, add, records, ends } = stage();
  add("i-1", { pin: OTHER, source: ext("a") });
  add("i-2", { pin: OTHER, source: ext("b") });
  runs.end({ pin: PIN, source: ext("a") }, "pin-changed");
  expect(ends).toEqual([]);
  runs.end({ pin: PIN, source: ext("a") }, "prohibited-call");
  expect([ends, records]).toEqual([["i-1"], [record("i-1", OTHER)]]);
});

test("one whose instance is ending is ended without a record of its own, and a record that cannot be written is owed", async () => {
  const { runs, add, owed, ends } = stage({ works: false });
  add("i-1", { over: true });
  add("i-2");
  runs.end({ pin: PIN, source: STDIO }, "prohibited-call");
  expect(ends).toEqual(["i-1", "i-2"]);
  await expect.poll(() => owed).toEqual([record("i-2")]);
});
