import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryWorld, OWN } from "../../../test/fakes/memory-world.ts";

const KEY = "ed25519:0123456789abcdef";
let world: MemoryWorld;
beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
});
afterEach(() => world.end());

async function startAgain(): Promise<boolean> {
  world.crash();
  await world.start();
  return world.memory.lost;
}

async function erase(...entries: number[]): Promise<void> {
  const count = entries.length;
  await world.journal.write({ kind: "memory-erased", count, key: KEY }, { document: { entries } });
  await world.memory.store.sweep();
}

test("a file of keys that is gone is said at the next start and at every one after it, until what it had is erased", async () => {
  for (const text of ["first", "second", "third"]) await world.keep(text);
  expect(await startAgain()).toBe(false);
  world.gone.add(1);
  expect(await startAgain()).toBe(true);
  expect(world.reports.at(-1)).toContain("a file of keys/memory is gone");
  await expect(world.memory.store.read(OWN, 1)).rejects.toMatchObject({ code: "memory-damaged" });
  const after = await world.keep("after");
  expect(await startAgain()).toBe(true);
  expect((await world.memory.store.read(OWN, after)).text).toBe("after");
  // What nothing opens is erased like anything else: its end is on record, and that its key is destroyed.
  await erase(0, 1, 2);
  expect(world.journal.state.memory.unsettled).toEqual([]);
  await expect(world.memory.store.read(OWN, 1)).rejects.toMatchObject({ code: "memory-erased" });
  expect(await startAgain()).toBe(false);
  expect((await world.memory.store.read(OWN, after)).text).toBe("after");
});

test("an entry whose own key was destroyed since a backup is no lost file", async () => {
  await world.keep("erased since");
  await world.keep("stays");
  const { kept } = world;
  const before = kept.length;
  await erase(0);
  kept.splice(before);
  expect(await startAgain()).toBe(false);
  await expect(world.memory.store.read(OWN, 0)).rejects.toMatchObject({ code: "memory-damaged" });
  await erase(0);
  await expect(world.memory.store.read(OWN, 0)).rejects.toMatchObject({ code: "memory-erased" });
});
