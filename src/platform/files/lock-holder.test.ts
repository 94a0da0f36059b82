import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { lockFile } from "./file-lock.ts";
import { holderOf, lookAtProcess } from "./lock-holder.ts";

test("who holds a lock is found without touching it, and nobody once it is let go", () => {
  const path = join(makeTemporaryFolder(), "lock");
  expect(holderOf(path)).toBeNull();
  const [held, other] = [openSync(path, "w"), openSync(path, "r+")];
  expect(holderOf(path)).toBeNull();
  expect(lockFile(held)).toBe(true);
  expect(holderOf(path)).toBe(process.pid);
  expect(lockFile(other)).toBe(false);
  closeSync(held);
  expect(holderOf(path)).toBeNull();
  closeSync(other);
});

test("a process that runs, one that a signal stopped, and one that is gone", async () => {
  expect(lookAtProcess(process.pid)).toMatchObject({ stopped: false, ticks: expect.any(Number) });
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  const pid = child.pid ?? 0;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGSTOP");
  while (lookAtProcess(pid)?.stopped !== true) await new Promise((done) => setTimeout(done, 5));
  child.kill("SIGKILL");
  await ended;
  expect(lookAtProcess(pid)).toBeNull();
});
