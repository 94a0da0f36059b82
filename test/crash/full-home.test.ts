import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

const DISK_BYTES = 4 * 1024 * 1024;
const PROGRAM = join(import.meta.dirname, "full-home.ts");

test("a disk that is full or read-only is called so, and records are found though the index has no room", async () => {
  const [small, closed] = [makeTemporaryFolder(), makeTemporaryFolder()];
  // A disk of its own, in memory, which is gone with the sandbox.
  const mounts = ["--size", String(DISK_BYTES), "--tmpfs", small, "--ro-bind", closed, closed];
  const command = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", ...mounts, "--die-with-parent"];
  const { stdout } = await promisify(execFile)("bwrap", [...command, process.execPath, PROGRAM, small, closed]);
  expect(JSON.parse(stdout)).toEqual({
    before: [10, "room"],
    full: [300, "full"],
    found: [[5, 6], [299, 298], [5], []],
    after: [300, "room"],
    closed: "read-only",
    shows: [false, true],
  });
});
