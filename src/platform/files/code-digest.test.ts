import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answerDigest, createCodeDigest, digestCode } from "./code-digest.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aios code "));
  mkdirSync(join(folder, "lib"));
  writeFileSync(join(folder, "index.js"), "start();\n");
  writeFileSync(join(folder, "lib", "a.js"), "a\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the same code has the same digest", () => {
  expect(digestCode([folder])).toBe(digestCode([folder]));
  expect(digestCode([folder])).toMatch(/^sha256:[0-9a-f]{64}$/);
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
])("%s changes it", (_name, change) => {
  const before = digestCode([folder]);
  change();
  expect(digestCode([folder])).not.toBe(before);
});

test("what cannot be read is an error, not an empty digest", () => {
  expect(() => digestCode([join(folder, "gone")])).toThrow("ENOENT");
});

const later = (): bigint => BigInt(Date.now()) * 1_000_000n + 60_000_000_000n;

test("what did not change is not read again", () => {
  const first = answerDigest({ paths: [folder], known: null, now: later() });
  if (first.kind !== "done") throw new Error(first.message);
  expect(first.digest).toBe(digestCode([folder]));
  const again = answerDigest({ paths: [folder], known: first.fingerprint, now: later() });
  expect(again).toEqual({ kind: "done", digest: null, fingerprint: first.fingerprint });
});

test("a change of content that keeps size and modification time is seen", () => {
  const file = join(folder, "index.js");
  const { atime, mtime } = statSync(file);
  const first = answerDigest({ paths: [folder], known: null, now: later() });
  if (first.kind !== "done") throw new Error(first.message);
  writeFileSync(file, "START();\n");
  utimesSync(file, atime, mtime);
  const again = answerDigest({ paths: [folder], known: first.fingerprint, now: later() });
  expect(again.kind === "done" && again.digest).toBe(digestCode([folder]));
  expect(again.kind === "done" && again.digest).not.toBe(first.digest);
});

test("what changed a moment ago is read again the next time, since its change time may not tell", () => {
  const now = answerDigest({ paths: [folder], known: null, now: BigInt(Date.now()) * 1_000_000n });
  expect(now).toMatchObject({ kind: "done", fingerprint: null });
});

test("in its thread it gives the same digest, and an error is an error", async () => {
  const digest = createCodeDigest(new URL("../../main/code-digest-worker.ts", import.meta.url));
  expect(await digest([folder])).toBe(digestCode([folder]));
  await expect(digest([join(folder, "gone")])).rejects.toThrow("ENOENT");
});
