import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { openLogReader } from "./log-reader.ts";
import { openWaitingLogReader } from "./waiting-log-reader.ts";

test("reads what the reader that never waits reads, and says of everything else the same", async () => {
  const folder = makeTemporaryFolder();
  writeFileSync(join(folder, "checkpoint"), "a note");
  mkdirSync(join(folder, "tile"));
  symlinkSync("checkpoint", join(folder, "link"));
  expect(spawnSync("mkfifo", [join(folder, "pipe")]).status).toBe(0);
  writeFileSync(join(folder, "large"), "");
  truncateSync(join(folder, "large"), 64 * 1024 * 1024 + 1);
  const [waiting, other] = [openWaitingLogReader(folder), openLogReader(folder)];
  expect(Buffer.from((await waiting.read("checkpoint")) ?? []).toString()).toBe("a note");
  expect(await waiting.list("tile")).toEqual([]);
  for (const path of ["checkpoint", "absent", "tile/0/000", "tile", "link", "pipe", "large", "checkpoint/x"]) {
    expect([path, await outcome(waiting.read(path))]).toEqual([path, await outcome(other.read(path))]);
    expect([path, await outcome(waiting.list(path))]).toEqual([path, await outcome(other.list(path))]);
  }
  await expect(waiting.read("../up")).rejects.toThrow("it is not a path of plain names");
});

test("lets whatever else the process has to do have its turn", async () => {
  const reader = openWaitingLogReader(makeTemporaryFolder());
  let turns = 0;
  setImmediate(() => (turns += 1));
  for (let file = 0; file < 16; file += 1) await reader.read("absent");
  expect(turns).toBe(1);
});

async function outcome(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error: error instanceof Error ? error.message : error }),
  );
}
