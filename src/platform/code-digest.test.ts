import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestCode } from "./code-digest.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aios code "));
  mkdirSync(join(folder, "lib"));
  writeFileSync(join(folder, "index.js"), "start();\n");
  writeFileSync(join(folder, "lib", "a.js"), "a\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the same code has the same digest", async () => {
  expect(await digestCode([folder])).toBe(await digestCode([folder]));
  expect(await digestCode([folder])).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test.each<[string, () => void]>([
  ["a changed byte", () => writeFileSync(join(folder, "lib", "a.js"), "b\n")],
  ["an added file", () => writeFileSync(join(folder, "lib", "b.js"), "")],
  ["a renamed file", () => renameSync(join(folder, "lib", "a.js"), join(folder, "lib", "b.js"))],
  ["a file that became executable", () => chmodSync(join(folder, "index.js"), 0o755)],
  [
    "a link in place of a file",
    () => {
      rmSync(join(folder, "index.js"));
      symlinkSync("lib/a.js", join(folder, "index.js"));
    },
  ],
  [
    "bytes moved from one file to the next",
    () => {
      writeFileSync(join(folder, "index.js"), "start();");
      writeFileSync(join(folder, "lib", "a.js"), "\na\n");
    },
  ],
])("%s changes it", async (_name, change) => {
  const before = await digestCode([folder]);
  change();
  expect(await digestCode([folder])).not.toBe(before);
});

test("what cannot be read is an error, not an empty digest", async () => {
  await expect(digestCode([join(folder, "gone")])).rejects.toThrow("ENOENT");
});
