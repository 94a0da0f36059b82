import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { signMemory } from "../../../test/fakes/memory-signed.ts";
import { contentOf, saltedOf } from "../../../test/fakes/memory-export.ts";
import { bringIn, documentOf, handIn, OTHER_LOG as ORIGIN } from "../../../test/fakes/memory-import.ts";
import { MemoryWorld } from "../../../test/fakes/memory-world.ts";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Content } from "../../protocol/memory-content.ts";
import { saltedDigest } from "../../protocol/memory-export.ts";
import { readImport } from "./documents.ts";
import { StateFault } from "../state-fault.ts";

/* Entries of another home's memory, as they come in by an owner's statement: what is taken, what is refused, what is left of them. */

let world: MemoryWorld;
beforeEach(async () => {
  world = new MemoryWorld();
  await world.start();
});
afterEach(() => world.end());

const OWN = { agent: "keeper", plane: "append-only" } as const;
const BRIEF = { agent: "keeper", plane: "ephemeral" } as const;
const digestOf = (content: Content): string => saltedDigest(saltedOf(content), CRYPTO);
const brief = (text: string, seconds: number): Content =>
  contentOf(text, { plane: "ephemeral", expires: world.wall + seconds * 1000 });

const hand = (contents: readonly Content[]): void => handIn(world, contents);
const sign = (document: JsonObject): Promise<void> => signMemory(world, "import-memory", document);
const bring = (contents: readonly Content[]): Promise<void> => bringIn(world, contents);
const said = (work: () => Promise<unknown>): Promise<string> =>
  work().then(
    () => "ok",
    (error: unknown) => (error instanceof Error ? `${"code" in error ? String(error.code) : ""} ${error.message}` : ""),
  );
const list = (of: typeof OWN | typeof BRIEF) =>
  world.memory.store.list(of, { before: null, most: 50 }).then(({ entries }) => entries);

describe("what is imported", () => {
  test("is read as it was kept there, and is committed to by the same digest, after a crash and without the database too", async () => {
    const contents = [
      contentOf("The cheese is in the cellar"),
      contentOf("Käse", { labels: ["private"], sources: [] }),
    ];
    await world.keep("mine", null, { agent: "keeper" });
    await bring(contents);
    for (const again of ["at once", "after a crash", "without its database"]) {
      if (again !== "at once") world.crash();
      if (again === "without its database") world.lose();
      if (again !== "at once") await world.start();
      const { store } = world.memory;
      expect(await list(OWN), again).toMatchObject([
        { entry: 2, ...contents[1], sources: [`import:${ORIGIN}`] },
        { entry: 1, ...contents[0], sources: ["web/fetch", `import:${ORIGIN}`] },
        { entry: 0, text: "mine", sources: [] },
      ]);
      expect((await store.search(OWN, { query: "cellar", most: 9 })).entries, again).toMatchObject([{ entry: 1 }]);
      expect(await store.salted(OWN, 1), again).toBe(contents.map(saltedOf)[0]);
      expect(await store.verify(), again).toEqual({ checked: 3, damaged: [], file: [] });
    }
    const kept = world.kept.map(({ record }) => record).filter(({ kind }) => kind === "memory-kept");
    expect(kept).toMatchObject([
      { imported: null },
      { imported: 1, digest: digestOf(contentOf("The cheese is in the cellar")), labels: ["untrusted"] },
      { imported: 1, labels: ["private"] },
    ]);
  });

  test("ends when it was to end, and goes with its key", async () => {
    await bring([brief("Quetzalcoatl", 60), brief("Nebelbank", 90)]);
    world.pass(60_000);
    expect(await list(BRIEF)).toMatchObject([{ text: "Nebelbank" }]);
    await world.memory.store.sweep();
    expect(world.gone).toEqual(new Set([1]));
    expect(await world.memory.store.verify()).toEqual({ checked: 1, damaged: [], file: [] });
  });

  test("of one log is put out of reach together, and nothing else is", async () => {
    await world.keep("mine", null, { agent: "keeper", sources: ["web/fetch"] });
    await bring([contentOf("theirs"), contentOf("theirs too")]);
    await world.journal.write({ kind: "memory-quarantined", by: "source", value: `import:${ORIGIN}` });
    expect(await list(OWN)).toMatchObject([{ text: "mine" }]);
    const seen = (await world.memory.store.list(OWN, { before: null, most: 9, quarantined: true })).entries;
    expect(seen).toHaveLength(3);
  });
});

describe("is refused with a code, and nothing has changed", () => {
  const cases: readonly (readonly [string, RegExp, () => Promise<unknown>])[] = [
    ["what was never handed in", /^no-value /u, () => sign(documentOf([contentOf("x")]))],
    [
      "what is not what was handed in",
      /^no-value /u,
      () => {
        hand([contentOf("x")]);
        return sign(documentOf([contentOf("y")]));
      },
    ],
    [
      "a document that counts otherwise",
      /^bad-document /u,
      () => {
        hand([contentOf("x")]);
        return sign(documentOf([contentOf("x")], { bytes: 2 }));
      },
    ],
    [
      "a document of another plane",
      /^bad-document /u,
      () => {
        hand([contentOf("x")]);
        return sign(documentOf([contentOf("x")], { agent: "other" }));
      },
    ],
    ["a document with a field more", /^bad-document /u, () => sign(documentOf([contentOf("x")], { more: 1 }))],
    ["one that is there twice", /memory-duplicate/u, () => bring([contentOf("x"), contentOf("x")])],
    ["one that was imported before", /memory-duplicate.*$/u, () => bring([contentOf("new"), contentOf("here")])],
    ["one that was erased here", /memory-erased/u, () => bring([contentOf("erased")])],
    ["one that ended here", /memory-expired/u, () => bring([{ ...brief("ended", -1), expires: world.wall - 1000 }])],
    ["one that is past its end", /memory-expired/u, () => bring([brief("late", 0)])],
    ["one that ends too late", /^bad-document /u, () => bring([brief("long", 90 * 86_400 + 1)])],
    ["one that is no entry", /^bad-document /u, () => bring([contentOf("bell \u0007")])],
    ["one too large", /^bad-document /u, () => bring([contentOf("x".repeat(65_537))])],
    ["entries of two planes", /^bad-document /u, () => bring([contentOf("x"), brief("y", 60)])],
    ["more than the plane has room for", /memory-full/u, () => bring([contentOf("x"), contentOf("y")])],
  ];
  beforeEach(async () => {
    await bring([contentOf("here"), contentOf("erased")]);
    await world.journal.write({ kind: "memory-erased", count: 1, key: "k" }, { document: { entries: [1] } });
    await world.memory.store.sweep();
    const budget = { agent: "keeper", what: "append-only", bytes: 1000, count: 2 } as const;
    await world.journal.write({ kind: "memory-budget-set", ...budget, key: "k" }, { document: budget });
  });
  test.each(cases)("%s", async (_, code, work) => {
    const before = world.kept.length;
    expect(await said(async () => work())).toMatch(code);
    expect(world.kept).toHaveLength(before);
    // The harmless twin: what was refused leaves nothing behind that would keep this from being imported.
    expect(await said(() => bring([contentOf("z")]))).toBe("ok");
    expect(await list(OWN)).toMatchObject([{ text: "z" }, { text: "here" }]);
  });
});

test("an import that was cut off has what was durable, and the rest can be imported", async () => {
  const contents = ["a", "b", "c"].map((text) => contentOf(text));
  hand(contents);
  const document = documentOf(contents);
  const seq = await world.journal.write(
    { kind: "memory-imported", ...OWN, origin: ORIGIN, count: 3, key: "k" },
    { document },
  );
  const lot = world.memory.lots.find(readImport(document)?.digest ?? "");
  await world.memory.store.bringIn(lot?.entries.slice(0, 1) ?? [], seq);
  world.log.failNext("before");
  expect(await said(() => world.memory.takeIn(seq, document))).toContain("log-unavailable");
  world.crash();
  await world.start();
  expect(await list(OWN)).toMatchObject([{ text: "a" }]);
  const known = world.memory.lots.hand({ first: true, entries: contents.map(saltedOf) });
  expect(known).toEqual({ known: [{ at: 0, entry: 0, live: true }] });
  await bring(contents.slice(1));
  expect((await list(OWN)).map(({ text }) => text)).toEqual(["c", "b", "a"]);
  expect(await world.memory.store.verify()).toEqual({ checked: 3, damaged: [], file: [] });
});

test("attack: a record says of an entry that an owner had it imported, and none did, or not so many, or not there", async () => {
  const entry = { kind: "memory-kept", by: "keeper", instance: "i-0123456789abcdef", labels: [], bytes: 1 } as const;
  const kept = { ...entry, digest: digestOf(contentOf("x")), expires: null } as const;
  await bring([contentOf("x")]);
  await expect(world.journal.write({ ...kept, ...OWN, entry: 9, imported: 0 })).rejects.toThrow(StateFault);
  await expect(world.journal.write({ ...kept, ...OWN, entry: 9, imported: 7 })).rejects.toThrow(StateFault);
  hand([contentOf("y")]);
  const document = documentOf([contentOf("y")]);
  const seq = await world.journal.write(
    { kind: "memory-imported", ...OWN, origin: ORIGIN, count: 1, key: "k" },
    { document },
  );
  const elsewhere = { ...kept, agent: "other", plane: "append-only", entry: 9, imported: seq } as const;
  await expect(world.journal.write(elsewhere)).rejects.toThrow(StateFault);
});
