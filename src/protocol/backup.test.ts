import { expect, test } from "vitest";
import { readManifest, writeManifest, type BackupManifest } from "./backup.ts";

const digest = `sha256:${"a".repeat(64)}`;
const MANIFEST: BackupManifest = {
  v: 1,
  kind: "aios-backup",
  origin: "aios.local/x",
  size: 300,
  made: 1_800_000_000_000,
  files: [
    { path: "alert-address", bytes: 3, digest },
    { path: "log/tile/entries/000", bytes: 9, digest },
    { path: "log/tile/entries/x001/234.p/17", bytes: 9, digest },
    { path: "secrets/kept/abc", bytes: 0, digest },
  ],
};
const withFiles = (...paths: readonly string[]): string =>
  writeManifest({ ...MANIFEST, files: paths.map((path) => ({ path, bytes: 1, digest })) });

test("a manifest is read as it was written, and in no other spelling", () => {
  const written = writeManifest(MANIFEST);
  expect(readManifest(written)).toEqual(MANIFEST);
  for (const other of [
    written.trimEnd(),
    `${written}\n`,
    written.replace(":300", ": 300"),
    written.replace('"v":1', '"v":1,"w":1'),
    written.replace('"v":1', '"v":2'),
    "{",
    "",
  ])
    expect(readManifest(other), other).toBeNull();
});

test("no path of a manifest leads out of a backup, or to what a home has elsewhere", () => {
  expect(readManifest(withFiles("log/checkpoint"))).not.toBeNull();
  for (const path of [
    "../x",
    "log/../keys/log-signing",
    "log/..",
    "/etc/passwd",
    "log//x",
    "log/",
    "log",
    "log/.x",
    "keys/log-signing",
    "index/memory.db",
    "volumes/keeper/x",
    "extensions/x",
    "manifest",
    "alert-address/x",
    "log/a\nb",
  ])
    expect(readManifest(withFiles(path)), path).toBeNull();
});

test("the files of a manifest are in order, and none is there twice", () => {
  expect(readManifest(withFiles("log/a", "log/b"))).not.toBeNull();
  expect(readManifest(withFiles("log/b", "log/a"))).toBeNull();
  expect(readManifest(withFiles("log/a", "log/a"))).toBeNull();
});
