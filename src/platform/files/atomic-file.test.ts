import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { writeAtomically } from "./atomic-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = makeTemporaryFolder();
  path = join(folder, "file");
});

it("writes text and bytes with the mode that was asked for, and leaves nothing else", () => {
  writeAtomically(path, "text", { mode: 0o600, existing: "fail" });
  expect(readFileSync(path, "utf8")).toBe("text");
  writeAtomically(path, new Uint8Array(1_000_000).fill(1), { mode: 0o600, existing: "replace" });
  expect(readFileSync(path).length).toBe(1_000_000);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["file"]);
});

it("does not replace unless asked to, and leaves nothing behind when it fails", () => {
  writeFileSync(path, "old");
  expect(() => writeAtomically(path, "new", { mode: 0o600, existing: "fail" })).toThrow(/EEXIST/);
  expect(readFileSync(path, "utf8")).toBe("old");
  mkdirSync(join(folder, "taken"));
  expect(() => writeAtomically(join(folder, "taken"), "new", { mode: 0o600, existing: "replace" })).toThrow();
  expect(readdirSync(folder).toSorted()).toEqual(["file", "taken"]);
});

it("replaces a link and never writes through it", () => {
  writeFileSync(join(folder, "victim"), "kept");
  symlinkSync(join(folder, "victim"), path);
  expect(() => writeAtomically(path, "new", { mode: 0o600, existing: "fail" })).toThrow(/EEXIST/);
  writeAtomically(path, "new", { mode: 0o600, existing: "replace" });
  expect(readFileSync(join(folder, "victim"), "utf8")).toBe("kept");
  expect(readFileSync(path, "utf8")).toBe("new");
});
