import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { openEventFile } from "./event-file.ts";

test("lines are added to one file, which is put aside when it is full, and the oldest go", () => {
  const folder = join(makeTemporaryFolder(), "ocsf");
  const file = openEventFile(folder, { bytes: 100, keep: 2 });
  for (let n = 0; n < 10; n += 1) file.append(`${String(n).repeat(39)}\n`);
  const names = readdirSync(folder).toSorted();
  expect(names).toEqual(["events-0000000003.jsonl", "events-0000000004.jsonl", "events.jsonl"]);
  for (const name of names) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(100);
  expect(statSync(join(folder, "events.jsonl")).mode & 0o777).toBe(0o600);
  // What is kept is the newest, in order and whole.
  const lines = names.flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"));
  expect(lines.map((line) => line[0])).toEqual(["4", "5", "6", "7", "8", "9"]);
});

test("a batch that is larger than a file stands in one of its own, whole", () => {
  const folder = join(makeTemporaryFolder(), "ocsf");
  const file = openEventFile(folder, { bytes: 10, keep: 5 });
  file.append("a\n");
  file.append(`${"b".repeat(50)}\n`);
  file.append("c\n");
  expect(readFileSync(join(folder, "events.jsonl"), "utf8")).toBe("c\n");
  expect(readFileSync(join(folder, "events-0000000002.jsonl"), "utf8")).toBe(`${"b".repeat(50)}\n`);
});

test("a line that a kill cut off is taken away, and nothing before it", () => {
  const folder = join(makeTemporaryFolder(), "ocsf");
  openEventFile(folder, { bytes: 1_000_000, keep: 1 }).append("whole\n");
  appendFileSync(join(folder, "events.jsonl"), "x".repeat(100_000));
  openEventFile(folder, { bytes: 1_000_000, keep: 1 }).append("next\n");
  expect(readFileSync(join(folder, "events.jsonl"), "utf8")).toBe("whole\nnext\n");
});
