import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Runs a program of this folder over a small disk of its own, in memory, which is gone with the sandbox. */
async function onSmallDisk(program: string, bytes: number): Promise<unknown> {
  const home = mkdtempSync(join(tmpdir(), "log full "));
  try {
    const disk = ["--size", String(bytes), "--tmpfs", home];
    const command = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", ...disk, "--die-with-parent"];
    const run = [process.execPath, join(import.meta.dirname, program), home];
    const { stdout } = await promisify(execFile)("bwrap", [...command, ...run]);
    return JSON.parse(stdout);
  } finally {
    rmSync(home, { recursive: true });
  }
}

test(
  "a full disk stops appends, loses nothing, and the log goes on when there is room",
  { timeout: 120_000 },
  async () => {
    expect(await onSmallDisk("fill-disk.ts", 60 * 1024 * 1024)).toMatchObject({
      refusals: ["log-unavailable", "log-unavailable"],
      recoveredWhileFull: "log-unavailable",
      recovered: "ok",
      wentOn: true,
      openedWhileFull: "log-unavailable",
      kept: true,
    });
  },
);

test(
  "a full disk stops what is kept in memory with one error, and loses nothing that was acknowledged",
  { timeout: 120_000 },
  async () => {
    expect(await onSmallDisk("fill-memory.ts", 24 * 1024 * 1024)).toMatchObject({
      refusals: ["log-unavailable", "log-unavailable"],
      unharmed: { wrong: 0 },
      recovered: "ok",
      wentOn: true,
      startedWhileFull: "log-unavailable",
      damaged: [],
      kept: { missing: 0, wrong: 0 },
      again: "ok",
    });
  },
);
