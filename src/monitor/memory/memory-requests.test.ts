import { afterEach, beforeEach, expect, test } from "vitest";
import { signedSnapshot } from "../../../test/fakes/frozen.ts";
import { AGENT, INSTANCE, MemoryWorld } from "../../../test/fakes/memory-world.ts";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import { gatherSources } from "../../kernel/memory-sources.ts";
import { signedItem } from "../../protocol/frozen-item.ts";
import { manifestDigest } from "./frozen.ts";
import { memoryHandlers } from "./memory-requests.ts";

const KEY = "ed25519:0123456789abcdef";
const MANY = Array.from({ length: 100 }, (_, at) => `mail/read-${at}`);
let world: MemoryWorld;
let turns: number;

beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
  turns = 0;
});
afterEach(() => world.end());

function requests() {
  const { journal, log } = world;
  const pause = async (): Promise<void> => void (turns += 1);
  return memoryHandlers({ memory: { ...world.memory, pause }, journal, log });
}

test("a quarantine says how much it takes out, and lets others have their turns while it counts", async () => {
  for (let at = 0; at < 40; at += 1) await world.keep(`clean ${at}`);
  const read = await world.keep("as the page says", null, { sources: ["web/fetch"] });
  await world.keep("for a while", 60, { sources: ["web/fetch"] });
  await world.keep("hidden", null, { sources: [...gatherSources(["web/fetch", ...MANY, "zz/read"])] });
  const frozen = { agent: AGENT, name: "rules" };
  const { version, salt, items } = await requests()["memory-to-freeze"]({ ...frozen, entries: [read, 0] });
  const document = { ...frozen, version, salt, items: items.toReversed().map(signedItem) };
  const digest = manifestDigest(signedSnapshot(document), CRYPTO);
  await world.journal.write({ kind: "memory-frozen", ...frozen, version, digest, key: KEY }, { document });

  const quarantine = requests()["memory-quarantine"];
  expect(await quarantine({ by: "source", value: "web/fetch" })).toMatchObject({ entries: 2, perhaps: 1, frozen: 1 });
  expect(turns).toBeGreaterThanOrEqual(2);
  expect(await quarantine({ by: "source", value: "zz/read" })).toMatchObject({ entries: 0, perhaps: 1, frozen: 0 });
  expect(await quarantine({ by: "entry", value: "0" })).toMatchObject({ entries: 1, perhaps: 0, frozen: 1 });
  expect(await quarantine({ by: "instance", value: INSTANCE })).toMatchObject({ entries: 43, perhaps: 0, frozen: 2 });
  expect(await quarantine({ by: "source", value: "nothing/such" })).toMatchObject({ entries: 0, frozen: 0 });
});

test("a snapshot that was changed is told with what helps a snapshot, and not what helps an entry", async () => {
  const of = { agent: AGENT, name: "rules" };
  const document = { ...of, version: 1, items: [{ path: "NOTE.md", text: "as it was signed" }] };
  const digest = manifestDigest(signedSnapshot(document), CRYPTO);
  await world.journal.write(
    { kind: "memory-frozen", ...of, version: 1, digest, key: KEY },
    { document: { ...document, items: [{ path: "NOTE.md", text: "as somebody else would have it" }] } },
  );
  await expect(requests()["memory-snapshot"](of)).rejects.toMatchObject({
    message: expect.stringContaining("(memory-damaged)"),
    hint: expect.stringMatching(/aios memory freeze worker rules.*aios restore/u),
  });
  await expect(requests()["memory-entry"]({ entry: 7 })).rejects.toMatchObject({
    hint: expect.stringContaining("aios memory list"),
  });
});

test("whoever erases an entry is told of others with its very text, in any plane, and of no other", async () => {
  const entry = await world.keep("the cheese is in the cellar");
  await world.keep("the cheese is in the cellar, still");
  const twin = await world.keep("the cheese is in the cellar", 60);
  const others = await world.keep("the cheese is in the cellar", null, { agent: "other", sources: ["web/fetch"] });
  const holding = requests()["memory-holding"];
  expect(await holding({ entries: [entry] })).toEqual({ snapshots: [], same: [twin, others] });
  await requests()["memory-quarantine"]({ by: "source", value: "web/fetch" });
  expect(await holding({ entries: [entry, twin] })).toEqual({ snapshots: [], same: [others] });
  expect(await holding({ entries: [await world.keep("?!")] })).toEqual({ snapshots: [], same: [] });
});
