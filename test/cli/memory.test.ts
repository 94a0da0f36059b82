import { expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { EntryView, MemoryRequests, TakenCount, Unreadable } from "../../src/protocol/memory-table.ts";
import { createDesk, type Desk } from "../fakes/cli-powers.ts";

/* What a person finds in memory, and what verifying says of it. */

const FOUND: EntryView = {
  entry: 12,
  agent: "notes",
  plane: "append-only",
  at: 1_790_000_000_000,
  expires: null,
  by: "notes",
  instance: "i-0123456789abcdef",
  labels: ["untrusted"],
  sources: ["web/fetch"],
  text: "The cheese is in the cellar\u202e",
  quarantined: null,
};

const TAKEN: TakenCount = {
  entries: 2,
  perhaps: 0,
  recalling: { entries: 0, perhaps: 0 },
  planes: [{ agent: "notes", plane: "append-only", count: 2 }],
  frozen: 0,
  running: [],
};

async function run(
  words: readonly string[],
  more: {
    readonly verified?: Partial<MemoryRequests["memory-verify"]["ok"]>;
    readonly seq?: number | null;
    readonly unreadable?: Unreadable;
  } = {},
): Promise<{ readonly desk: Desk; readonly exit: number }> {
  const desk = createDesk({
    answers: {
      "memory-entries": ({ query }) => ({
        entries: query === "nothing" ? [] : [FOUND],
        unreadable: more.unreadable ?? { count: 0, entries: [], before: null },
      }),
      "memory-verify": () => ({ checked: 3, damaged: [], file: [], frozen: [], ...more.verified }),
      "memory-quarantine": () => ({ seq: more.seq ?? null, ...TAKEN }),
      "memory-weigh": () => ({
        entries: 9,
        perhaps: 3,
        recalling: { entries: 4, perhaps: 2 },
        planes: [
          { agent: "notes", plane: "append-only", count: 11 },
          { agent: "web", plane: "ephemeral", count: 1 },
        ],
        frozen: 1,
        running: [{ agent: "web", instance: "i-0123456789abcdef", how: "perhaps" }],
      }),
    },
  });
  return { desk, exit: await runProgram(["memory", ...words], desk.powers) };
}

test("entries are found by their words, each shown with what it brings", async () => {
  const { desk, exit } = await run(["search", "notes", "append-only", "cheese", "cellar"]);
  expect(exit).toBe(EXIT.ok);
  const body = { agent: "notes", plane: "append-only", before: null, query: "cheese cellar" };
  expect(desk.monitor.asked).toContainEqual({ name: "memory-entries", body });
  expect(desk.out()).toMatch(/12 .* notes +untrusted +The cheese is in the cellar/u);
  expect(desk.out()).not.toContain("\u202e");
});

test("a search without words is a mistake, and one that finds nothing says where it looked", async () => {
  expect((await run(["search", "notes", "append-only"])).exit).toBe(EXIT.usage);
  const { desk, exit } = await run(["search", "notes", "ephemeral", "nothing"]);
  expect({ exit, out: desk.out() }).toEqual({
    exit: EXIT.ok,
    out: "The ephemeral plane of notes has no entry with these words.\n",
  });
});

test("what does not open is named with its code beside what does, and is never said not to be there", async () => {
  const unreadable = { count: 3, entries: [11, 9], before: 7 };
  const both = await run(["list", "notes", "append-only"], { unreadable });
  expect(both.desk.out()).toMatch(/12 .* notes .*cheese/u);
  expect(both.desk.out()).toContain(
    "entry 11 does not open (memory-damaged)\nentry 9 does not open (memory-damaged)\nand 1 more that do not open (memory-damaged)\nnothing below entry 7 was looked at: --before 7\n",
  );
  const none = await run(["search", "notes", "append-only", "nothing"], { unreadable });
  expect(none.desk.out()).toContain("entry 11 may have these words and does not open (memory-damaged)\n");
  expect(none.desk.out()).not.toContain("has no entry");
  const json = await run(["list", "notes", "append-only", "--json"], { unreadable });
  expect(JSON.parse(json.desk.out())).toMatchObject({ unreadable: { code: "memory-damaged", ...unreadable } });
});

test("verifying names what is wrong with the file that memory is read from, and the way out", async () => {
  const { desk, exit } = await run(["verify"], {
    verified: { file: ["row 3 missing from index by_segment\u001b[2J"] },
  });
  expect(exit).toBe(EXIT.no);
  expect(desk.out()).toContain("index/memory.db: row 3 missing from index by_segment");
  expect(desk.out()).toContain("aios doctor --rebuild");
  expect(desk.out()).not.toContain("\u001b[2J");
  const well = await run(["verify"]);
  expect([well.exit, well.desk.out()]).toEqual([EXIT.ok, "3 entries looked at\nall as it was kept\n"]);
});

test.each([
  ["web__fetch", "aios memory quarantine source web/fetch"],
  ["https://example.org/page", "aios memory quarantine source 'net/fetch example.org'"],
  ["12", "aios memory quarantine entry 12"],
  ["web", "a source is a tool as aios memory show names it"],
])("a quarantine by a source that nothing can have, %s, is refused with what was meant", async (value, meant) => {
  const { desk, exit } = await run(["quarantine", "source", value]);
  expect([exit, desk.monitor.asked]).toEqual([EXIT.usage, []]);
  expect(desk.err()).toContain(meant);
});

test("what a quarantine would take out is told by its paths, and nothing is taken", async () => {
  const { desk, exit } = await run(["quarantine", "source", "web/fetch", "--dry-run"]);
  expect(exit).toBe(EXIT.ok);
  expect(desk.out()).toBe(
    [
      "entries would go out of agents' reach: 12, 3 of them since they have more sources than they name",
      "  of the 9 that name it, 4 recalled others that go",
      "  of the 3 that do not name all, 2 recalled others that go",
      "  11 of notes, append-only",
      "  1 of web, ephemeral",
      "frozen texts would go out of agents' reach: 1",
      "web (i-0123456789abcdef) runs, may have read from there and keeps that in its context: aios kill i-0123456789abcdef",
      "",
    ].join("\n"),
  );
  expect(desk.monitor.asked.map(({ name }) => name)).not.toContain("memory-quarantine");
});

test("a quarantine says its record, or that it was there already", async () => {
  expect((await run(["quarantine", "source", "web/fetch"], { seq: 7 })).desk.out()).toBe(
    "in quarantine: source web/fetch (record 7)\nentries out of agents' reach: 2\n",
  );
  expect((await run(["quarantine", "source", "web/fetch"])).desk.out()).toContain("source web/fetch already\n");
});
