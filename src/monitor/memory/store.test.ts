import { afterEach, beforeEach, expect, test } from "vitest";
import { BRIEF, MemoryWorld, OWN } from "../../../test/fakes/memory-world.ts";

let world: MemoryWorld;
beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
});
afterEach(() => world.end());

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "ok",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );

test("what was kept is read, listed and found, before and after a crash", async () => {
  const first = await world.keep("The cheese is in the cellar");
  const second = await world.keep("Käse: two kilos", 60);
  for (const again of [false, true]) {
    if (again) {
      world.crash();
      await world.start();
    }
    const { store } = world.memory;
    expect(await store.read(OWN, first)).toMatchObject({ entry: first, text: "The cheese is in the cellar" });
    expect((await store.list(BRIEF, { before: null, most: 9 })).entries).toMatchObject([
      { entry: second, text: "Käse: two kilos" },
    ]);
    expect((await store.search(OWN, { query: "CELLAR cheese", most: 9 })).entries).toMatchObject([{ entry: first }]);
    expect((await store.search(BRIEF, { query: "käse", most: 9 })).entries).toMatchObject([{ entry: second }]);
    expect((await store.search(OWN, { query: "cheese attic", most: 9 })).entries).toEqual([]);
    expect((await store.search(OWN, { query: "käse", most: 9 })).entries).toEqual([]);
    expect(await store.verify()).toEqual({ checked: 2, damaged: [], file: [] });
  }
});

test("an entry of one plane is none of another, nor of another agent", async () => {
  const entry = await world.keep("mine");
  const { store } = world.memory;
  expect(await code(store.read(BRIEF, entry))).toBe("memory-unknown");
  expect(await code(store.read({ agent: "other", plane: "append-only" }, entry))).toBe("memory-unknown");
  expect(await code(store.read(OWN, entry + 1))).toBe("memory-unknown");
  expect((await store.list({ agent: "other", plane: "append-only" }, { before: null, most: 9 })).entries).toEqual([]);
});

test("past its end an entry is unreadable at once, and swept it is gone from every file", async () => {
  const entry = await world.keep("the password of the day is Quetzalcoatl", 60);
  const stays = await world.keep("the weather of the day is Nebelbank", 120);
  const keys = [...world.slots.paths()];
  world.pass(59_999);
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("ok");
  world.pass(1);
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("memory-expired");
  expect((await world.memory.store.search(BRIEF, { query: "quetzalcoatl", most: 9 })).entries).toEqual([]);
  await world.memory.store.sweep();
  expect(world.gone).toEqual(new Set([1]));
  expect(world.slots.paths()).not.toEqual(keys);
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("memory-expired");
  expect((await world.memory.store.search(BRIEF, { query: "nebelbank", most: 9 })).entries).toMatchObject([
    { entry: stays },
  ]);
  expect(await world.memory.store.verify()).toEqual({ checked: 1, damaged: [], file: [] });
});

test("a sweep that was cut off anywhere is finished by the next start", async () => {
  for (const order of ["beside", "index", "drop", "rewrap"]) {
    const entry = await world.keep(`brief ${order}`, 1);
    const stays = await world.keep(`longer ${order}`, 2);
    world.pass(1000);
    world.failing = order;
    await code(world.memory.store.sweep());
    world.failing = null;
    world.crash();
    await world.start();
    expect(world.journal.state.memory.unsettled).toEqual([]);
    expect([order, await code(world.memory.store.read(BRIEF, entry))]).toEqual([order, "memory-expired"]);
    expect((await world.memory.store.search(BRIEF, { query: `longer ${order}`, most: 9 })).entries).toMatchObject([
      { entry: stays },
    ]);
    expect((await world.memory.store.verify()).damaged).toEqual([]);
  }
});

test("verifying asks the disk for keys, not what was read of them before", async () => {
  const entry = await world.keep("under a key that somebody changes");
  expect(await code(world.memory.store.read(OWN, entry))).toBe("ok");
  const [path = ""] = world.slots.paths().filter((name) => name.startsWith("slots-"));
  const bytes = Uint8Array.from(world.slots.bytes(path) ?? []);
  bytes[64] = (bytes[64] ?? 0) ^ 1;
  world.slots.put(path, bytes);
  expect((await world.memory.store.verify()).damaged).toMatchObject([{ entry }]);
});

test("the budget holds for what is written at the same time, and an owner can raise it", async () => {
  const { memory: book } = world.journal.state;
  book.setBudget("worker", { what: "append-only", budget: { bytes: 100, count: 3 } });
  const asked = await Promise.all(["a", "b", "c", "d"].map((text) => code(world.keep(text))));
  expect(asked).toEqual(["ok", "ok", "ok", "memory-full"]);
  expect(await code(world.keep("e"))).toBe("memory-full");
  book.setBudget("worker", { what: "append-only", budget: { bytes: 100, count: 4 } });
  expect(await code(world.keep("x".repeat(98)))).toBe("memory-full");
  expect(await code(world.keep("x".repeat(97)))).toBe("ok");
});

test("a log that fails keeps nothing, and the numbers of what was refused mean nothing", async () => {
  await world.keep("first");
  world.log.failNext("before");
  expect(await code(world.keep("refused"))).not.toBe("ok");
  await world.log.recover();
  const entry = await world.keep("third");
  expect((await world.memory.store.list(OWN, { before: null, most: 9 })).entries.map(({ text }) => text)).toEqual([
    "third",
    "first",
  ]);
  world.crash();
  await world.start();
  expect(await world.memory.store.read(OWN, entry)).toMatchObject({ text: "third" });
  expect(await world.memory.store.verify()).toEqual({ checked: 2, damaged: [], file: [] });
});

test("quarantine takes out what came from there, everywhere, until it is taken back", async () => {
  const clean = await world.keep("trust the cellar");
  const bad = await world.keep("trust the attic", null, { sources: ["web/fetch"] });
  const { memory: book } = world.journal.state;
  book.quarantine({ by: "source", value: "web/fetch" });
  const { store } = world.memory;
  expect(await code(store.read(OWN, bad))).toBe("memory-quarantined");
  expect((await store.list(OWN, { before: null, most: 9 })).entries).toMatchObject([{ entry: clean }]);
  expect((await store.search(OWN, { query: "trust", most: 9 })).entries).toMatchObject([{ entry: clean }]);
  book.release({ by: "source", value: "web/fetch" });
  expect(await code(store.read(OWN, bad))).toBe("ok");
});

test("a clock that was set ahead while the monitor was down hides and destroys nothing for good", async () => {
  const entry = await world.keep("still wanted", 3600);
  world.crash();
  world.wall += 365 * 86_400_000;
  await world.start();
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("memory-expired");
  await world.memory.store.sweep();
  expect(world.memory.waits).toBe(true);
  expect(world.gone.size).toBe(0);
  // The owner sets it right.
  world.wall -= 365 * 86_400_000;
  world.trusted.accept();
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("ok");
  await world.memory.store.sweep();
  expect(world.gone.size).toBe(0);
  world.pass(3_600_000);
  await world.memory.store.sweep();
  expect(world.gone.size).toBe(1);
});

test("a clock that leaps while the monitor runs ends nothing before its time", async () => {
  const entry = await world.keep("ten minutes", 600);
  world.wall += 10 * 365 * 86_400_000;
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("ok");
  world.boot += 599_999;
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("ok");
  world.boot += 1;
  expect(await code(world.memory.store.read(BRIEF, entry))).toBe("memory-expired");
  await world.memory.store.sweep();
  expect(world.gone.size).toBe(0);
});
