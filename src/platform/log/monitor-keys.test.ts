import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { checkMonitorKeys, openMonitorKeys } from "./monitor-keys.ts";

test("a home that is moved keeps its log's name and keys; another home has others", () => {
  const folder = makeTemporaryFolder();
  const made = openMonitorKeys(join(folder, "old"));
  renameSync(join(folder, "old"), join(folder, "new"));
  const moved = openMonitorKeys(join(folder, "new"));
  expect(made.logOrigin).toMatch(/^aios\.local\/[0-9a-f]{32}$/);
  expect(moved.logOrigin).toBe(made.logOrigin);
  expect(moved.logSigner.publicKey).toEqual(made.logSigner.publicKey);
  expect(moved.payloads.key(1)).toEqual(made.payloads.key(1));
  expect(moved.payloads.key(2)).toBeNull();
  const other = openMonitorKeys(join(folder, "other"));
  expect(other.logOrigin).not.toBe(made.logOrigin);
  expect(other.logSigner.publicKey).not.toEqual(made.logSigner.publicKey);
});

test.each(["log-signing", "log-name", "payload-epoch-1"])("%s is refused when cut or open to others", (name) => {
  const folder = makeTemporaryFolder();
  openMonitorKeys(folder);
  const file = join(folder, name);
  chmodSync(file, 0o640);
  expect(() => openMonitorKeys(folder)).toThrow(`Cannot use key file "${file}": its mode is 640, not 600`);
  chmodSync(file, 0o600);
  expect(() => openMonitorKeys(folder)).not.toThrow();
  truncateSync(file, 31);
  expect(() => openMonitorKeys(folder)).toThrow(`Cannot use key file "${file}": it has 31 bytes, not 32`);
});

describe.each(["payload-epoch-1", "memory/payload-epoch-1", "payload-slots/slots-1", "memory/slots/slots-1"])(
  "%s",
  (name) => {
    test.each([
      ["a pipe", (path: string) => void execFileSync("mkfifo", ["-m", "600", path])],
      ["a folder", (path: string) => mkdirSync(path)],
      ["a link", (path: string) => symlinkSync("/dev/zero", path)],
    ])("is refused where it is %s, and nothing waits for it", (_what, make) => {
      const folder = makeTemporaryFolder();
      openMonitorKeys(folder);
      const path = join(folder, name);
      rmSync(path, { force: true });
      make(path);
      expect(() => openMonitorKeys(folder)).toThrow(
        expect.objectContaining({
          code: "bad-key-file",
          message: `Cannot use key file "${path}": it is no regular file`,
          hint: expect.stringContaining("put it back from a copy of the home's folder keys"),
        }),
      );
      expect(() => checkMonitorKeys(folder)).toThrow(path);
    });
  },
);

describe.each(["payload-slots", "memory", "memory/slots", "secret-slots"])("the folder %s", (name) => {
  test.each([
    ["a link to another folder", (path: string, other: string) => symlinkSync(other, path), "it is a link"],
    ["a link to nothing", (path: string, other: string) => symlinkSync(join(other, "none"), path), "it is a link"],
    ["a file", (path: string) => writeFileSync(path, ""), "it is no folder"],
  ])("is refused where it is %s, and nothing is made", (_what, make, why) => {
    for (const used of [true, false]) {
      const [folder, other] = [makeTemporaryFolder(), makeTemporaryFolder()];
      if (used) openMonitorKeys(folder);
      const path = join(folder, name);
      rmSync(path, { recursive: true, force: true });
      mkdirSync(dirname(path), { recursive: true });
      make(path, other);
      const before = readdirSync(folder, { recursive: true });
      expect(() => openMonitorKeys(folder)).toThrow(
        expect.objectContaining({
          code: "bad-key-file",
          message: expect.stringContaining(`Cannot use key file "${path}": ${why}`),
          hint: expect.stringContaining("move it aside"),
        }),
      );
      expect(() => checkMonitorKeys(folder)).toThrow(`Cannot use key file "${path}": ${why}`);
      expect([readdirSync(folder, { recursive: true }), readdirSync(other)]).toEqual([before, []]);
    }
  });
});

test.each(["log-signing", "log-name"])("%s is made where there is no log, and never beside one", (name) => {
  const folder = makeTemporaryFolder();
  openMonitorKeys(folder);
  rmSync(join(folder, name));
  expect(() => openMonitorKeys(folder, true)).toThrow(
    `Cannot use key file "${join(folder, name)}": it is gone, and the log beside it was made with it`,
  );
  expect(() => openMonitorKeys(folder)).not.toThrow();
  expect(() => openMonitorKeys(folder, true)).not.toThrow();
});
