import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROOT } from "../source-modules.ts";

let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "aios-launcher-"));
  mkdirSync(join(clone, "bin"));
  copyFileSync(join(ROOT, "bin", "aios"), join(clone, "bin", "aios"));
});
afterEach(() => rmSync(clone, { recursive: true }));

function launch(): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("/bin/sh", [join(clone, "bin", "aios"), "a b"], { encoding: "utf8" });
}

test("a clone that was never set up says what to run, and ends in setup's exit code", () => {
  const { status, stdout, stderr } = launch();
  expect({ status, stdout, stderr }).toEqual({
    status: 3,
    stdout: "",
    stderr:
      'aios: Cannot run: this clone is not set up (not-set-up)\nhint: run "npm start" once first (or: node scripts/setup.cjs)\n',
  });
});

test("one that was set up runs the program with its own Node and the words as they are", () => {
  mkdirSync(join(clone, "node_modules", ".bin"), { recursive: true });
  mkdirSync(join(clone, "src", "main"), { recursive: true });
  symlinkSync(process.execPath, join(clone, "node_modules", ".bin", "node"));
  writeFileSync(join(clone, "src", "main", "aios.ts"), "console.log(JSON.stringify(process.argv.slice(2)));\n");
  expect(launch()).toMatchObject({ status: 0, stdout: '["a b"]\n' });
});
