import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const DISK_BYTES = 60 * 1024 * 1024;
const PROGRAM = join(import.meta.dirname, "fill-disk.ts");

test(
  "a full disk stops appends, loses nothing, and the log goes on when there is room",
  { timeout: 120_000 },
  async () => {
    const home = mkdtempSync(join(tmpdir(), "log full "));
    try {
      // A disk of its own, in memory, which is gone with the sandbox.
      const disk = ["--size", String(DISK_BYTES), "--tmpfs", home];
      const command = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", ...disk, "--die-with-parent"];
      const { stdout } = await promisify(execFile)("bwrap", [...command, process.execPath, PROGRAM, home]);
      const result: unknown = JSON.parse(stdout);
      expect(result).toMatchObject({
        refusals: ["log-unavailable", "log-unavailable"],
        recoveredWhileFull: "log-unavailable",
        recovered: "ok",
        wentOn: true,
        openedWhileFull: "log-unavailable",
        kept: true,
      });
    } finally {
      rmSync(home, { recursive: true });
    }
  },
);
