import { DatabaseSync } from "node:sqlite";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { wordsOf } from "../../src/kernel/memory-words.ts";
import { deriveKey } from "../../src/monitor/log/keys.ts";
import { openSlots } from "../../src/monitor/log/slots.ts";
import { openContent, sealContent } from "../../src/monitor/memory/content.ts";
import type { ShelfRow } from "../../src/monitor/memory/shelf-orders.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { fromBase64 } from "../../src/protocol/bytes.ts";
import { createMemoryDisk, type MemoryDisk } from "../fakes/memory-disk.ts";
import { AGENT, BRIEF, MemoryWorld, OWN } from "../fakes/memory-world.ts";
import { CRYPTO, testEpochs } from "../fakes/open-log.ts";

/*
 * Whoever has the disk: all files of the home with the keys that are in it now, and a backup from any time without the epoch
 * keys. They know how everything is stored and guess words.
 */
interface Backup {
  readonly database: string;
  readonly slots: MemoryDisk;
}

let world: MemoryWorld;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "aios-backup-"));
  world = new MemoryWorld();
  await world.start();
});
afterEach(() => {
  world.end();
  rmSync(folder, { recursive: true, force: true });
});

let copies = 0;
function backUp(): Backup {
  const database = join(folder, `copy-${copies++}.db`);
  for (const suffix of ["", "-wal"])
    if (existsSync(world.database + suffix)) copyFileSync(world.database + suffix, database + suffix);
  const slots = createMemoryDisk();
  for (const path of world.slots.paths()) slots.put(path, world.slots.bytes(path) ?? new Uint8Array());
  return { database, slots };
}

/** Everything that the attacker gets out of a copy of the files, with whatever epoch keys `gone` leaves them. */
async function attack(
  { database, slots }: Backup,
  gone: ReadonlySet<number>,
): Promise<{ texts: string[]; words: string[] }> {
  const copy = new DatabaseSync(database);
  const rows = copy.prepare("SELECT * FROM entries").all();
  const segments = copy.prepare("SELECT * FROM segments").all();
  const postings = copy.prepare("SELECT * FROM postings").all();
  copy.close();
  const texts: string[] = [];
  const words: string[] = [];
  for (let epoch = 1; epoch < 9; epoch += 1) {
    const epochs = testEpochs(new Set([...gone, ...Array.from({ length: epoch - 1 }, (_, at) => at + 1)]));
    const key = epochs.key(epoch);
    if (key === null) continue;
    slots.kill();
    const files = slots.open();
    await files.hold();
    const keys = Object.assign(epochs, { files });
    const opened = await openSlots({ crypto: CRYPTO, random: createRandom(), keys, size: rows.length + 1 }).catch(
      () => null,
    );
    for (const row of rows) {
      const own = (await opened?.read(Number(row["entry"]))) ?? null;
      const [agent = "", plane] = String(row["place"]).split("/");
      const shelved = { ...row, agent, plane } as unknown as ShelfRow;
      const content = own === null ? null : openContent(shelved, { crypto: CRYPTO, key: own });
      if (content !== null) texts.push(content.text);
    }
    for (const segment of segments) {
      const wrapped = fromBase64(String(segment["wrapped"])) ?? new Uint8Array();
      const index = deriveKey(CRYPTO, { purpose: "index", key });
      let part: Uint8Array;
      try {
        part = CRYPTO.open(index, wrapped.subarray(0, 12), wrapped.subarray(12), Buffer.from(String(segment["place"])));
      } catch {
        continue;
      }
      for (const guess of ["quetzalcoatl", "nebelbank", "wrong"]) {
        const hash = CRYPTO.sha256(Buffer.concat([part, Buffer.from(guess)]));
        const view = new DataView(hash.buffer, hash.byteOffset);
        const token = view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12);
        if (postings.some((each) => each["segment"] === segment["id"] && each["token"] === token)) words.push(guess);
      }
    }
  }
  return { texts: texts.toSorted(), words: [...new Set(words)].toSorted() };
}

const ENDS = "the word of the day is Quetzalcoatl";
const STAYS = "the weather of the day is Nebelbank";

describe.each([
  [
    "that ended",
    async () => {
      world.pass(60_000);
      await world.memory.store.sweep();
    },
  ],
  [
    "that was erased",
    async (entry: number) => {
      await world.journal.write(
        { kind: "memory-erased", count: 1, key: "ed25519:0123456789abcdef" },
        { document: { entries: [entry] } },
      );
      await world.memory.store.sweep();
    },
  ],
] as const)("an entry %s", (_how, end) => {
  test("is found in home and backup before, and in neither after; what stays is found in both", async () => {
    const entry = await world.keep(ENDS, 60);
    await world.keep(STAYS, 3600);
    await world.keep(STAYS);
    const backup = backUp();
    // The scan can find what is there: this is what it sees while the key lives.
    expect(await attack(backup, world.gone)).toEqual({
      texts: [ENDS, STAYS, STAYS].toSorted(),
      words: ["nebelbank", "quetzalcoatl"],
    });
    await end(entry);
    expect(await attack(backUp(), world.gone)).toEqual({ texts: [STAYS, STAYS], words: ["nebelbank"] });
    expect(await attack(backup, world.gone)).toEqual({ texts: [], words: [] });
    // What lay sealed before, with the keys that are there now.
    const mixed = { database: backup.database, slots: backUp().slots };
    expect((await attack(mixed, world.gone)).texts).toEqual([STAYS, STAYS]);
    // With the rule removed: an attacker who has the epoch's key from before opens the backup.
    expect((await attack(backup, new Set())).texts).toContain(ENDS);
    expect(world.bytes().includes(Buffer.from("Quetzalcoatl"))).toBe(false);
  });
});

test("the twin: a row that is only deleted, with its key left alive, is opened from the backup", async () => {
  await world.keep(ENDS, 60);
  const backup = backUp();
  const database = new DatabaseSync(world.database);
  database.exec("DELETE FROM entries");
  database.close();
  expect((await attack(backUp(), world.gone)).texts).toEqual([]);
  expect((await attack(backup, world.gone)).texts).toEqual([ENDS]);
});

/** Reads everything in every way, then verifies: which entries were named, and whether one was read that is not true. */
async function look(
  texts: ReadonlyMap<number, string>,
): Promise<{ named: readonly number[]; lies: number; silent: boolean }> {
  const { store } = world.memory;
  let lies = 0;
  let refused = false;
  for (const [entry, text] of texts) {
    for (const of of [OWN, BRIEF]) {
      const read = await store.read(of, entry).catch((error: unknown) => error);
      if (read instanceof Error) refused ||= "code" in read && read.code === "memory-damaged";
      else if (read !== null && typeof read === "object" && "text" in read && read.text !== text) lies += 1;
    }
  }
  for (const of of [OWN, BRIEF]) {
    const numbers = [...texts.keys()].filter((entry) => world.journal.state.memory.placeOf(entry)?.plane === of.plane);
    const { entries, unreadable } = await store.list(of, { before: null, most: 9 });
    lies += entries.filter(({ entry, text }) => texts.get(entry) !== text).length;
    // Each is given or named: nobody takes one from a list without a word, or another with it.
    const shown = [...entries.map(({ entry }) => entry), ...unreadable.entries];
    expect(shown.toSorted((one, other) => one - other)).toEqual(numbers);
  }
  const { damaged } = await store.verify();
  return { named: damaged.map(({ entry }) => entry), lies, silent: !refused && damaged.length === 0 };
}

describe("whoever writes the files of memory", () => {
  const texts = new Map<number, string>();
  beforeEach(async () => {
    texts.clear();
    for (const [text, ttl] of [
      ["first cheese", null],
      ["second cheese", null],
      ["third bread", 3600],
      ["fourth bread", 7200],
    ] as const)
      texts.set(await world.keep(text, ttl), text);
  });
  const change = (...sql: readonly string[]): void => {
    const database = new DatabaseSync(world.database);
    for (const each of sql) database.exec(each);
    database.close();
  };

  test("changes nothing: all is well", async () => {
    expect(await look(texts)).toEqual({ named: [], lies: 0, silent: true });
  });

  test.each([
    [
      "flips a seal",
      [0],
      [
        "UPDATE entries SET sealed = substr(sealed, 1, 20) || CASE substr(sealed, 21, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(sealed, 22) WHERE entry = 0",
      ],
    ],
    ["cuts a seal", [1], ["UPDATE entries SET sealed = substr(sealed, 1, 40) WHERE entry = 1"]],
    [
      "swaps two seals",
      [0, 1],
      [
        "CREATE TEMP TABLE held AS SELECT * FROM entries",
        "UPDATE entries SET (sealed, digest) = (SELECT sealed, digest FROM held WHERE held.entry = 1 - entries.entry) WHERE entry < 2",
      ],
    ],
    [
      "swaps two numbers",
      [0, 1],
      [
        "UPDATE entries SET entry = 99 WHERE entry = 0",
        "UPDATE entries SET entry = 0 WHERE entry = 1",
        "UPDATE entries SET entry = 1 WHERE entry = 99",
      ],
    ],
    ["lengthens a life", [2], ["UPDATE entries SET expires = expires + 1 WHERE entry = 2"]],
    ["makes it never end", [2], ["UPDATE entries SET expires = NULL WHERE entry = 2"]],
    ["moves it to another plane", [2], [`UPDATE entries SET place = '${AGENT}/append-only' WHERE entry = 2`]],
    ["moves it to another agent", [0], ["UPDATE entries SET place = 'other/append-only' WHERE entry = 0"]],
    ["deletes an entry", [3], ["DELETE FROM entries WHERE entry = 3"]],
    ["deletes all", [0, 1, 2, 3], ["DELETE FROM entries"]],
    ["hides an entry from the index", [1], ["DELETE FROM postings WHERE entry = 1"]],
    ["changes the index", [0], ["UPDATE postings SET token = token + 1 WHERE entry = 0"]],
    ["takes an entry out of the index", [0], ["UPDATE entries SET segment = NULL WHERE entry = 0"]],
  ] as const)("%s: it is found, with the entry named, and nothing untrue is read", async (_name, named, sql) => {
    change(...sql);
    expect(await look(texts)).toEqual({ named, lies: 0, silent: false });
  });

  test("gives a part of the index to another agent: no search gives that agent's entries, and all in it are found", async () => {
    const theirs = await world.keep("fifth saffron", null, { agent: "other" });
    const { store } = world.memory;
    expect((await store.search(OWN, { query: "saffron", most: 9 })).entries).toEqual([]);
    change(
      `UPDATE segments SET place = CASE place WHEN '${AGENT}/append-only' THEN 'other/append-only' WHEN 'other/append-only' THEN '${AGENT}/append-only' ELSE place END`,
    );
    expect((await store.search(OWN, { query: "saffron", most: 9 })).entries).toEqual([]);
    const { damaged } = await store.verify();
    expect(damaged.map(({ entry }) => entry)).toEqual([0, 1, theirs]);
  });

  test("takes a part of the index from its agent: all that are in it are found", async () => {
    change("UPDATE segments SET place = 'nobody/append-only' WHERE place LIKE '%/append-only'");
    const { damaged } = await world.memory.store.verify();
    expect(damaged.map(({ entry }) => entry)).toEqual([0, 1]);
  });

  test("adds a word to the index: a search still gives only what has the word", async () => {
    change("INSERT OR IGNORE INTO postings SELECT segment, token, 1 FROM postings WHERE entry = 0");
    expect(
      (await world.memory.store.search(OWN, { query: "first", most: 9 })).entries.map(({ entry }) => entry),
    ).toEqual([0]);
  });

  test("puts an older database back: the next start has everything again", async () => {
    const before = backUp();
    texts.set(await world.keep("fifth"), "fifth");
    world.crash();
    for (const suffix of ["", "-wal"]) {
      rmSync(world.database + suffix, { force: true });
      if (existsSync(before.database + suffix)) copyFileSync(before.database + suffix, world.database + suffix);
    }
    await world.start();
    expect(await look(texts)).toEqual({ named: [], lies: 0, silent: true });
  });

  test("changes keys: every entry under them is named", async () => {
    world.crash();
    const [path = ""] = world.slots.paths().filter((name) => name.startsWith("slots-"));
    const bytes = Uint8Array.from(world.slots.bytes(path) ?? []);
    bytes[64 + 32] = (bytes[64 + 32] ?? 0) ^ 1;
    world.slots.put(path, bytes);
    await world.start();
    expect(await look(texts)).toEqual({ named: [1], lies: 0, silent: false });
  });

  test("forges with the keys of the home in hand: a seal that opens is still not the one that the log has", async () => {
    world.slots.kill();
    const files = world.slots.open();
    const keys = Object.assign(testEpochs(world.gone), { files });
    const slots = await openSlots({ crypto: CRYPTO, random: createRandom(), keys, size: 4 });
    const key = (await slots.read(0)) ?? new Uint8Array(32);
    const read = await world.memory.store.read(OWN, 0);
    const { entry, ...content } = { ...read, text: "forged cheese" };
    const { sealed, digest } = sealContent(content, { crypto: CRYPTO, key, salt: new Uint8Array(16), entry });
    change(`UPDATE entries SET sealed = '${sealed}', digest = '${digest}' WHERE entry = 0`);
    const row = { entry, ...OWN, expires: null, digest, bytes: 13, sealed };
    expect(openContent(row, { crypto: CRYPTO, key })?.text).toBe("forged cheese");
    expect(await look(texts)).toEqual({ named: [0], lies: 0, silent: false });
  });
});

test("words are what the index is made of, so the attack above guesses the right things", () => {
  expect(wordsOf(ENDS)).toContain("quetzalcoatl");
});
