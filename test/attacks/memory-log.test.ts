import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { Entry } from "../../src/monitor/log/log.ts";
import { createFrozenTexts, manifestDigest } from "../../src/monitor/memory/frozen.ts";
import { verifyMemory, type VerifiedMemory } from "../../src/monitor/memory/verifying.ts";
import { signedSnapshot } from "../fakes/frozen.ts";
import { AGENT, MemoryWorld, OWN } from "../fakes/memory-world.ts";
import { CRYPTO } from "../fakes/open-log.ts";

/*
 * Whoever writes what the log has sealed of memory, and not the copy that is read from: nothing shows until that copy is lost.
 * `aios memory verify` names what was changed while there is a copy still; test/attacks/memory.test.ts has the copy.
 */

const SOUL = { agent: AGENT, name: "identity" } as const;
let world: MemoryWorld;
/** Place in the log of the record of an entry, or of a version of the snapshot. */
const places = new Map<string, number>();
const unreadable = new Set<number>();

beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
  unreadable.clear();
  for (const [text, ttl] of [
    ["first cheese", null],
    ["second cheese", null],
    ["third bread", 3600],
  ] as const) {
    const entry = await world.keep(text, ttl);
    places.set(`entry ${entry}`, world.kept.length - 1);
  }
  for (const version of [1, 2]) {
    const document = { ...SOUL, version, items: [{ path: "SOUL.md", text: `version ${version}` }] };
    const digest = manifestDigest(signedSnapshot(document), CRYPTO);
    const key = "ed25519:0123456789abcdef";
    places.set(`version ${version}`, world.kept.length);
    await world.journal.write({ kind: "memory-frozen", ...SOUL, version, digest, key }, { document });
  }
});
afterEach(() => world.end());

function payloadAt(place: string): JsonObject {
  return world.kept[places.get(place) ?? -1]?.payload ?? {};
}
/** Puts another payload in a place. */
function put(place: string, payload: JsonObject | null): void {
  const entry = world.kept[places.get(place) ?? -1] ?? {};
  Object.defineProperty(entry, "payload", { value: payload });
}
/** Makes that of a place unreadable, as one is whose seal was changed. */
function spoil(...spoiled: readonly string[]): void {
  for (const place of spoiled) unreadable.add(places.get(place) ?? -1);
}
function flipped(place: string): JsonObject {
  const { sealed: kept } = payloadAt(place);
  const sealed = typeof kept === "string" ? kept : "";
  return { sealed: `${sealed.slice(0, 20)}${sealed[20] === "A" ? "B" : "A"}${sealed.slice(21)}` };
}

async function* entries(from: number, to: number, only?: ReadonlySet<number>): AsyncIterable<Entry> {
  for await (const entry of world.log.entries(from, to, only)) {
    if (unreadable.has(entry.record.seq)) throw new Error("log-damaged");
    yield entry;
  }
}

function verify(): Promise<VerifiedMemory> {
  const { state } = world.journal;
  const log = { size: world.log.size, records: world.log.records, entries };
  const frozen = createFrozenTexts({ crypto: CRYPTO, log, state });
  return verifyMemory({ log, book: state.memory, store: world.memory.store, frozen });
}

test("what nobody changed is as it was kept", async () => {
  expect(await verify()).toEqual({ checked: 3, damaged: [], file: [], frozen: [] });
});

describe("a change of what the log has of an entry is found, with the entry named and no other", () => {
  test.each([
    ["a byte flipped", [1], () => put("entry 1", flipped("entry 1"))],
    ["the payload gone", [2], () => put("entry 2", null)],
    ["no payload of an entry", [0], () => put("entry 0", { other: 1 })],
    ["a payload that cannot be read", [1], () => spoil("entry 1")],
    ["two of them that cannot be read", [0, 2], () => spoil("entry 0", "entry 2")],
    [
      "two of them swapped",
      [0, 1],
      () => {
        const [first, second] = [payloadAt("entry 0"), payloadAt("entry 1")];
        put("entry 0", second);
        put("entry 1", first);
      },
    ],
  ] as const)("%s", async (_name, named, change) => {
    change();
    const { damaged, frozen } = await verify();
    expect(damaged.map(({ entry }) => entry)).toEqual(named);
    expect(frozen).toEqual([]);
    // Without that look nobody knows: the copy is whole, until somebody takes it away as well.
    expect(await world.memory.store.verify()).toEqual({ checked: 3, damaged: [], file: [] });
    expect((await world.memory.store.read(OWN, 0)).text).toBe("first cheese");
  });

  test("an entry that ended is none of them", async () => {
    world.pass(3_600_000);
    await world.memory.store.sweep();
    spoil("entry 2");
    expect(await verify()).toEqual({ checked: 2, damaged: [], file: [], frozen: [] });
  });
});

describe("a change of a snapshot is found, with its name", () => {
  test.each([
    [
      "another text",
      () => put("version 2", { document: { ...SOUL, version: 2, items: [{ path: "SOUL.md", text: "x" }] } }),
    ],
    ["the text of the version before", () => put("version 2", payloadAt("version 1"))],
    ["no text", () => put("version 2", null)],
    ["one that cannot be read", () => spoil("version 2")],
  ] as const)("%s", async (_name, change) => {
    change();
    const { damaged, frozen } = await verify();
    expect(damaged).toEqual([]);
    expect(frozen).toMatchObject([SOUL]);
    expect(await world.memory.store.verify()).toEqual({ checked: 3, damaged: [], file: [] });
  });

  test("in an older version too, which nobody gets and a start reads", async () => {
    put("version 1", { document: { ...SOUL, version: 1, items: [] } });
    expect((await verify()).frozen).toMatchObject([{ ...SOUL, why: expect.stringMatching(/^version 1: /u) }]);
  });
});
