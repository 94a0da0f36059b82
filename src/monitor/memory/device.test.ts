import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signMemory } from "../../../test/fakes/memory-signed.ts";
import { AGENT, BRIEF, INSTANCE, MemoryWorld, OWN } from "../../../test/fakes/memory-world.ts";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import { newBreaker } from "../../kernel/breaker.ts";
import { gatherSources } from "../../kernel/memory-sources.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { newLive } from "../live.ts";
import { createSeen } from "../provenance.ts";
import type { InstanceState } from "../state.ts";
import { createMemoryDriver } from "./device.ts";

/*
 * Whoever makes one entry or one snapshot unreadable takes that one from an agent, and no other; and the agent is told, so that
 * it takes nothing that is missing for something that never was.
 */
let world: MemoryWorld;
beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
});
afterEach(() => world.end());

const AGENT_STATE = { instance: INSTANCE, agent: AGENT, life: "running", why: null, labels: [] };

/** What an agent is told by a tool of memory. */
async function told(name: string, args: JsonObject): Promise<unknown> {
  const live = newLive({ ...AGENT_STATE } as unknown as InstanceState, {
    breaker: newBreaker(false),
    seen: createSeen([]),
  });
  const { store, frozen } = world.memory;
  const driver = createMemoryDriver(live, { crypto: CRYPTO, store, frozen, journal: world.journal });
  const body = { token: 1, verb: "call" as const, name, arguments: args, context: null };
  const { result } = await driver.peer.request("run", body);
  const { content, structuredContent } = result as {
    readonly content: readonly { readonly text: string }[];
    readonly structuredContent?: unknown;
  };
  return structuredContent ?? JSON.parse(content[0]?.text ?? "null");
}

function spoil(entry: number): void {
  const database = new DatabaseSync(world.database);
  database.exec(`UPDATE entries SET sealed = substr(sealed, 1, 40) WHERE entry = ${entry}`);
  database.close();
}

test("one entry that does not open: the others are listed and found, and it is named with its code", async () => {
  const [first, second, third] = [
    await world.keep("cheese in the cellar"),
    await world.keep("cheese in the attic"),
    await world.keep("cheese on the table"),
  ];
  const plane = { plane: "append-only" };
  expect(await told("list", plane)).not.toHaveProperty("unreadable");
  spoil(second);
  const unreadable = { code: "memory-damaged", count: 1, entries: [second], before: null };
  const entries = [{ entry: third, text: "cheese on the table" }, { entry: first }];
  expect(await told("list", plane)).toMatchObject({ entries, unreadable });
  expect(await told("search", { ...plane, query: "cheese" })).toMatchObject({ entries, unreadable });
  // Whoever turns the page hears of it with the page that it is of, and once.
  const older = await told("list", { ...plane, before: second });
  expect(older).toMatchObject({ entries: [{ entry: first }] });
  expect(older).not.toHaveProperty("unreadable");
  // Twin: what is in quarantine is left out without a word, and what ended is no damage.
  world.journal.state.memory.quarantine({ by: "entry-alone", value: String(third) });
  expect(await told("list", plane)).toMatchObject({ entries: [{ entry: first }], unreadable });
});

test("a page that is full tells only of what lies within it", async () => {
  const { store } = world.memory;
  for (let number = 0; number < 6; number += 1) await world.keep(`cheese number${number}`);
  for (const entry of [4, 1]) spoil(entry);
  const numbers = async (before: number | null): Promise<unknown> => {
    const { entries, unreadable } = await store.list(OWN, { before, most: 2 });
    return [entries.map(({ entry }) => entry), unreadable];
  };
  expect(await numbers(null)).toEqual([[5, 3], { count: 1, entries: [4], before: null }]);
  expect(await numbers(3)).toEqual([[2, 0], { count: 1, entries: [1], before: null }]);
  expect(await store.list(BRIEF, { before: null, most: 2 })).toEqual({
    entries: [],
    unreadable: { count: 0, entries: [], before: null },
  });
});

test("very many that do not open: a page ends, says how many, and where the next one begins", async () => {
  await world.keep("the only one that opens");
  world.journal.state.memory.setBudget(AGENT, { what: "append-only", budget: { bytes: 1e9, count: 1e6 } });
  for (let from = 0; from < 2100; from += 100)
    await Promise.all(Array.from({ length: 100 }, (_, at) => world.keep(`spoilt ${from + at}`)));
  const database = new DatabaseSync(world.database);
  database.exec("UPDATE entries SET sealed = 'AAAA' WHERE entry > 0");
  database.close();
  const { entries, unreadable } = await world.memory.store.list(OWN, { before: null, most: 20 });
  expect(entries).toEqual([]);
  expect([unreadable.count, unreadable.entries.length, unreadable.entries[0]]).toEqual([2048, 20, 2100]);
  expect(unreadable.before).toBe(2100 - 2047);
  const next = await world.memory.store.list(OWN, { before: unreadable.before, most: 20 });
  expect([next.entries.map(({ entry }) => entry), next.unreadable.count]).toEqual([[0], 52]);
});

test("an agent is not given filters over sources that are not named, only that there are more", async () => {
  const sources = gatherSources(Array.from({ length: 300 }, (_, at) => `mail/read-${at}`));
  expect(sources.filter((each) => each.startsWith("(more)"))).toHaveLength(4);
  await world.keep("read a lot", null, { sources: [...sources] });
  const { entries } = (await told("list", { plane: "append-only" })) as {
    readonly entries: readonly { readonly sources: readonly string[] }[];
  };
  expect(entries[0]?.sources).toEqual([
    ...sources.filter((each) => !each.startsWith("(")),
    "more than there is room for",
  ]);
});

test("one snapshot that was changed: the others are listed and found, and it is named", async () => {
  const freeze = (name: string, text: string): Promise<void> =>
    signMemory(world, "freeze-memory", {
      agent: AGENT,
      name,
      version: 1,
      items: [{ path: "NOTE.md", text }],
    });
  await freeze("rules", "the cheese is ours");
  await freeze("soul", "calm as cheese");
  const { payload } = world.kept.find(({ record }) => record.kind === "memory-frozen") ?? {};
  const items = [{ path: "NOTE.md", text: "the cheese is theirs" }];
  Object.assign((payload as { readonly document: object }).document, { items });
  const unreadable = { code: "memory-damaged", snapshots: [{ name: "rules", version: 1 }] };
  expect(await told("list", { plane: "frozen" })).toMatchObject({ snapshots: [{ name: "soul" }], unreadable });
  expect(await told("search", { plane: "frozen", query: "cheese" })).toMatchObject({
    texts: [{ name: "soul", text: "calm as cheese" }],
    unreadable,
  });
  expect(await told("get", { plane: "frozen", name: "rules", path: "NOTE.md" })).toMatchObject({
    code: "memory-damaged",
  });
});
