import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryWorld, OWN } from "../../../test/fakes/memory-world.ts";
import type { MemoryDamage } from "./lost-keys.ts";

const KEY = "ed25519:0123456789abcdef";
let world: MemoryWorld;
beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
});
afterEach(() => world.end());

async function startAgain(): Promise<MemoryDamage | null> {
  world.crash();
  await world.start();
  return world.memory.damage();
}

async function erase(...entries: number[]): Promise<void> {
  const count = entries.length;
  await world.journal.write({ kind: "memory-erased", count, key: KEY }, { document: { entries } });
  await world.memory.store.sweep();
}

test("a file of keys that is gone is said at the next start and at every one after it, until what it had is erased", async () => {
  for (const text of ["first", "second", "third"]) await world.keep(text);
  expect(await startAgain()).toBe(null);
  world.gone.add(1);
  expect(await startAgain()).toBe("keys");
  expect(world.reports.at(-1)).toContain("a file of keys/memory is gone");
  await expect(world.memory.store.read(OWN, 1)).rejects.toMatchObject({ code: "memory-damaged" });
  const after = await world.keep("after");
  expect(await startAgain()).toBe("keys");
  expect((await world.memory.store.read(OWN, after)).text).toBe("after");
  // What nothing opens is erased like anything else: its end is on record, and that its key is destroyed.
  await erase(0, 1, 2);
  expect(world.journal.state.memory.unsettled).toEqual([]);
  // It is said as long as it is so, and no longer.
  expect(await world.memory.damage()).toBe(null);
  await expect(world.memory.store.read(OWN, 1)).rejects.toMatchObject({ code: "memory-erased" });
  expect(await startAgain()).toBe(null);
  expect((await world.memory.store.read(OWN, after)).text).toBe("after");
});

test("an entry whose own key was destroyed since a backup is no lost file", async () => {
  await world.keep("erased since");
  await world.keep("stays");
  const { kept } = world;
  const before = kept.length;
  await erase(0);
  kept.splice(before);
  expect(await startAgain()).toBe(null);
  await expect(world.memory.store.read(OWN, 0)).rejects.toMatchObject({ code: "memory-damaged" });
  await erase(0);
  await expect(world.memory.store.read(OWN, 0)).rejects.toMatchObject({ code: "memory-erased" });
});

test("a changed copy of an entry is no lost key: it is said that the file is to be made anew, and then all is there", async () => {
  for (const text of ["first cheese", "second", "third"]) await world.keep(text);
  change("UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE entry = 2) WHERE entry = 0");
  expect(await startAgain()).toBe("index");
  expect(world.reports.at(-1)).toContain("and do from the log");
  expect(await world.memory.store.inLog([0, 1, 7])).toEqual(new Set([0, 1]));
  // A search names it, as it may have the words.
  const found = await world.memory.store.search(OWN, { query: "cheese", most: 20 });
  expect(found).toMatchObject({ entries: [], unreadable: { count: 1, entries: [0] } });
  change("DELETE FROM entries WHERE entry = 0", false);
  expect(await world.memory.damage()).toBe("index");
  world.crash();
  world.lose();
  await world.start();
  expect(await world.memory.damage()).toBe(null);
  expect((await world.memory.store.read(OWN, 0)).text).toBe("first cheese");
});

test("what the log has no more of than the copy is lost, whatever was done to the copy", async () => {
  await world.keep("first");
  await world.keep("second");
  const [{ payload } = { payload: null }] = world.kept.filter(({ record }) => record.kind === "memory-kept");
  Object.assign(payload ?? {}, { sealed: "AAAA" });
  change("UPDATE entries SET sealed = 'AAAA' WHERE entry = 0");
  expect(await startAgain()).toBe("keys");
  expect(await world.memory.store.inLog([0, 1])).toEqual(new Set([1]));
});

test("entries whose keys are lost are named by a search for any words, beside what is found", async () => {
  for (const text of ["first cheese", "second bread", "third"]) await world.keep(text);
  await world.keep("another's cheese", null, { agent: "other" });
  const search = (query: string) => world.memory.store.search(OWN, { query, most: 20 });
  expect((await search("cheese")).unreadable.count).toBe(0);
  world.gone.add(1);
  expect(await startAgain()).toBe("keys");
  const after = await world.keep("fourth cheese");
  const lost = { count: 3, entries: [2, 1, 0], before: null };
  const found = await search("cheese");
  expect([found.entries.map(({ entry }) => entry), found.unreadable]).toEqual([[after], lost]);
  expect((await search("none")).unreadable).toEqual(lost);
  // The same where the file is made anew, which has nothing of them then.
  world.crash();
  world.lose();
  await world.start();
  expect((await search("cheese")).unreadable).toEqual(lost);
  await erase(0, 2);
  expect((await search("cheese")).unreadable).toEqual({ count: 1, entries: [1], before: null });
});

/** Somebody writes the file that memory is read from. */
function change(statement: string, stopped = true): void {
  if (stopped) world.crash();
  const database = new DatabaseSync(world.database);
  database.exec(statement);
  database.close();
}
