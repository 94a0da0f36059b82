import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { openUndoShelf } from "./undo-shelf.ts";

const base = mkdtempSync(join(tmpdir(), "aios-shelf-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(base, "shelf-"));
});

const names = async (shelf: ReturnType<typeof openUndoShelf>, instance: string): Promise<readonly string[]> =>
  (await shelf.findUndoFolders(instance)).map((found) => found.folder.slice(folder.length + 1));

async function make(shelf: ReturnType<typeof openUndoShelf>, instance: string, notes: string): Promise<string> {
  const made = await shelf.makeUndoFolder(instance);
  writeFileSync(join(made.folder, "journal"), notes);
  return made.folder;
}

it("gives an instance a store for each device that it has, and finds the newest first, above nine too", async () => {
  const shelf = openUndoShelf(folder);
  for (let count = 0; count < 12; count++) await make(shelf, "i-1", count === 3 ? "" : "{}\n");
  await make(shelf, "i-10", "{}\n");
  const found = await shelf.findUndoFolders("i-1");
  expect(await names(shelf, "i-1")).toEqual([...Array.from({ length: 11 }, (_, at) => `i-1~${11 - at}`), "i-1"]);
  expect(found.filter(({ empty }) => empty)).toEqual([{ folder: join(folder, "i-1~3"), empty: true }]);
  expect(await names(shelf, "i-10")).toEqual(["i-10"]);
});

it("gives a later store a later name, also when the first are gone, and removes one alone", async () => {
  const shelf = openUndoShelf(folder);
  await make(shelf, "i-1", "{}\n");
  await make(shelf, "i-1", "{}\n");
  const [, first] = await shelf.findUndoFolders("i-1");
  if (first === undefined) throw new Error("there are two");
  await shelf.removeUndoFolder(first);
  await make(shelf, "i-1", "{}\n");
  expect(await names(shelf, "i-1")).toEqual(["i-1~2", "i-1~1"]);
});

it("takes nothing for a store of an instance that only begins as its name does", async () => {
  const shelf = openUndoShelf(folder);
  for (const name of ["i-1~", "i-1~0", "i-1~x", "i-1~1.5", "i-12"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "journal"), "{}\n");
  }
  expect(await names(shelf, "i-1")).toEqual([]);
});

it("removes the oldest beyond thirty-two that have ended, and none that still runs", async () => {
  const shelf = openUndoShelf(folder);
  await make(shelf, "i-running", "{}\n");
  for (let count = 0; count < 40; count++) writeFileSync(join(await make(shelf, `i-${count}`, "{}\n"), "final"), "");
  const kept = readdirSync(folder).filter((name) => name.startsWith("i-"));
  expect(kept.length).toBe(33);
  expect(kept).toContain("i-running");
});
