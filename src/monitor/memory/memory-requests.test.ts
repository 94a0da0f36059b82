import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signedSnapshot } from "../../../test/fakes/frozen.ts";
import { signMemory } from "../../../test/fakes/memory-signed.ts";
import { AGENT, INSTANCE, MemoryWorld } from "../../../test/fakes/memory-world.ts";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import { newBreaker } from "../../kernel/breaker.ts";
import type { Quarantine } from "../../kernel/memory-quarantine.ts";
import { entrySource, gatherSources } from "../../kernel/memory-sources.ts";
import { signedItem } from "../../protocol/frozen-item.ts";
import { createIndexView } from "../index/index-view.ts";
import type { RecordIndex } from "../index/record-index.ts";
import { type LiveInstance, newLive } from "../live.ts";
import { LogError } from "../log/error.ts";
import { createSeen } from "../provenance.ts";
import type { InstanceState } from "../state.ts";
import { manifestDigest } from "./frozen.ts";
import { memoryHandlers } from "./memory-requests.ts";

const KEY = "ed25519:0123456789abcdef";
const MANY = Array.from({ length: 100 }, (_, at) => `mail/read-${at}`);
/** An index that cannot be written: the log itself is looked through. */
const EMPTY_INDEX: RecordIndex = {
  next: 0,
  add() {
    throw new Error("no space left on device");
  },
  find: () => [],
  close() {},
};
let world: MemoryWorld;
let turns: number;
let running: LiveInstance[];

beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
  turns = 0;
  running = [];
});
afterEach(() => world.end());

function spoil(entry: number): void {
  const database = new DatabaseSync(world.database);
  database.exec(`UPDATE entries SET sealed = 'AAAA' WHERE entry = ${entry}`);
  database.close();
}

function requests() {
  const { journal, log } = world;
  const pause = async (): Promise<void> => void (turns += 1);
  const index = createIndexView(EMPTY_INDEX, log);
  const instances = { running: () => running };
  return memoryHandlers({ memory: { ...world.memory, pause }, journal, log, index, instances });
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

test("what a quarantine would take out is told by paths and planes before, and then it is not yet in force", async () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `mail/read-${at}`);
  const read = await world.keep("as the page says", null, { sources: ["web/fetch"] });
  await world.keep("upon it", null, { agent: "other", sources: ["web/fetch", entrySource(read)] });
  const hundreds = gatherSources(["zz/read", ...many(100)]);
  const hidden = await world.keep("of many", null, { sources: [...hundreds] });
  await world.keep("upon those", null, { sources: [...gatherSources([...hundreds, entrySource(hidden)])] });
  await world.keep("clean", 60);
  const weigh = requests()["memory-weigh"];
  expect(await weigh({ by: "source", value: "web/fetch" })).toEqual({
    entries: 2,
    perhaps: 0,
    recalling: { entries: 1, perhaps: 0 },
    planes: [
      { agent: "other", plane: "append-only", count: 1 },
      { agent: AGENT, plane: "append-only", count: 1 },
    ],
    frozen: 0,
    running: [],
  });
  expect(await weigh({ by: "source", value: "zz/read" })).toMatchObject({
    entries: 0,
    perhaps: 2,
    recalling: { entries: 0, perhaps: 1 },
    planes: [{ agent: AGENT, plane: "append-only", count: 2 }],
  });
  expect(await weigh({ by: "entry", value: String(read) })).toMatchObject({ entries: 2, recalling: { entries: 1 } });
  await expect(weigh({ by: "source", value: "web__fetch" })).rejects.toThrow(/There is no source/u);
  expect(world.journal.state.memory.quarantines).toEqual([]);
  expect(world.kept.some(({ record }) => record.kind === "memory-quarantined")).toBe(false);
});

test("whoever runs and has read from there is named: a quarantine takes nothing out of a context", async () => {
  const read = await world.keep("as the page says", null, { instance: "i-00000000000000aa" });
  const live = (instance: string, sources: readonly string[]): LiveInstance =>
    newLive({ instance, agent: AGENT } as InstanceState, {
      breaker: newBreaker(false),
      seen: createSeen([], sources),
    });
  running = [
    live("i-0000000000000001", ["web/fetch"]),
    live("i-0000000000000002", [entrySource(read), "mail/read"]),
    live("i-0000000000000003", ["(more)"]),
  ];
  const who = async (by: Quarantine["by"], value: string): Promise<unknown> =>
    (await requests()["memory-quarantine"]({ by, value })).running.map(({ instance, how }) => [instance.at(-1), how]);
  const unknown = ["3", "perhaps"];
  expect(await who("source", "web/fetch")).toEqual([["1", "named"], unknown]);
  expect(await who("entry", String(read))).toEqual([["2", "named"], unknown]);
  expect(await who("instance", "i-0000000000000001")).toEqual([["1", "named"], unknown]);
  expect(await who("entry-alone", String(read))).toEqual([]);
});

test("what an agent proposes to freeze is there for people until it is frozen, proposed anew, or gone", async () => {
  const entries = [await world.keep("one"), await world.keep("two")];
  const propose = (name: string, of: readonly number[]): Promise<number> =>
    world.journal.write({ kind: "memory-proposed", instance: INSTANCE, agent: AGENT, name, entries: of });
  const open = async (): Promise<unknown> => {
    const { proposals, more } = await requests()["memory-proposals"]({});
    return [more, ...proposals.map(({ record, name, entries: of }) => [record, name, of])];
  };
  expect(await open()).toEqual([false]);
  await propose("rules", entries.slice(0, 1));
  const rules = await propose("rules", entries);
  const soul = await propose("soul", entries.slice(1));
  expect(await open()).toEqual([false, [soul, "soul", [1]], [rules, "rules", [0, 1]]]);
  const document = { agent: AGENT, name: "rules", version: 1, items: [{ path: "NOTE.md", text: "one" }] };
  await signMemory(world, "freeze-memory", document);
  expect(await open()).toEqual([false, [soul, "soul", [1]]]);
  const again = await propose("rules", entries);
  expect(await open()).toEqual([false, [again, "rules", [0, 1]], [soul, "soul", [1]]]);
  await signMemory(world, "erase-memory", { entries: [1] });
  expect(await open()).toEqual([false, [again, "rules", [0, 1]]]);
  for (let at = 0; at < 25; at += 1) await propose(`flood-${at}`, [0]);
  expect(await open()).toMatchObject({ 0: true, length: 21 });
});

test("whoever erases an entry is told of others with its very text, in any plane, and of no other", async () => {
  const entry = await world.keep("the cheese is in the cellar");
  await world.keep("the cheese is in the attics");
  const twin = await world.keep("the cheese is in the cellar", 60);
  const others = await world.keep("the cheese is in the cellar", null, { agent: "other", sources: ["web/fetch"] });
  const holding = requests()["memory-holding"];
  const same = async (...entries: readonly number[]): Promise<unknown> => (await holding({ entries })).same;
  expect(await same(entry)).toEqual({ entries: [twin, others], all: true });
  await requests()["memory-quarantine"]({ by: "source", value: "web/fetch" });
  expect(await same(entry, twin)).toEqual({ entries: [others], all: true });
  // One without a word in it stands in no index.
  const wordless = [await world.keep("?!"), await world.keep("?!", 60)] as const;
  expect(await same(wordless[0])).toEqual({ entries: [wordless[1]], all: true });
});

test("a snapshot whose record does not open keeps nobody from erasing: it is named, and the others are found", async () => {
  const entry = await world.keep("by law to be forgotten");
  for (const name of ["rules", "soul"])
    await signMemory(world, "freeze-memory", {
      agent: AGENT,
      name,
      version: 1,
      items: [{ path: "NOTE.md", text: "by law to be forgotten" }],
    });
  const [rules] = world.journal.state.memory.snapshots.all();
  const entries = world.log.entries.bind(world.log);
  world.log.entries = (from, to, wanted) => {
    const seq = rules?.record ?? -1;
    if (from > seq || to <= seq || wanted?.has(seq) === false) return entries(from, to, wanted);
    throw new LogError("log-damaged", `Cannot open the payload of record ${seq}`);
  };
  const { snapshots } = await requests()["memory-holding"]({ entries: [entry] });
  expect(snapshots.map(({ name, opens }) => [name, opens])).toEqual([
    ["soul", true],
    ["rules", false],
  ]);
});

test("an entry that does not open is left out of an export by name, and one whose payload in the log is damaged is not", async () => {
  const kept = [await world.keep("first"), await world.keep("second"), await world.keep("third")];
  const records = world.kept.flatMap(({ record }) => (record.kind === "memory-kept" ? [record.seq] : []));
  spoil(kept[1] ?? -1);
  expect((await requests()["memory-planes"]({})).damage).toBe("index");
  world.log.entries = () => {
    throw new LogError("log-damaged", "Cannot open the payload");
  };
  // What proves an entry is another test's (test/evidence/memory-export.test.ts).
  world.log.inclusion = () => Promise.resolve([]);
  const { lines, done, damaged } = await requests()["memory-export"]({ records, size: world.log.size });
  expect([lines.map(({ seq }) => seq), done, damaged]).toEqual([[records[0], records[2]], 3, [kept[1]]]);
});

test("a twin is found behind hundreds of entries with the same words, and whoever hears of some only is told so", async () => {
  const entry = await world.keep("cheese cellar one");
  const twin = await world.keep("cheese cellar one");
  for (let at = 0; at < 150; at += 1) await world.keep(`cellar cheese one${at % 7} one`);
  const same = async (): Promise<unknown> => (await requests()["memory-holding"]({ entries: [entry] })).same;
  expect(await same()).toEqual({ entries: [twin], all: true });
  // Of what does not open nobody knows.
  const spoilt = await world.keep("cellar cheese two");
  spoil(spoilt);
  expect(await same()).toEqual({ entries: [twin], all: false });
  // The log has it whole: whoever would erase it is told so.
  const whole = await requests()["memory-holding"]({ entries: [spoilt, entry] });
  expect([whole.same.all, whole.inLog]).toEqual([false, [spoilt]]);
  await signMemory(world, "erase-memory", { entries: [spoilt] });
  expect(await same()).toEqual({ entries: [twin], all: true });
  for (let at = 0; at < 120; at += 1) await world.keep("cheese cellar one");
  expect(await same()).toMatchObject({ entries: { length: 100 }, all: false });
});
