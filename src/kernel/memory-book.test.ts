import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { canBeQuarantined, takesOut, type Quarantine } from "./memory-quarantine.ts";
import { MemoryBook, PACKED_BYTES, type KeptEntry } from "./memory-book.ts";
import type { MemoryBudget } from "./memory-budget.ts";

const digest = (number: number): string => `sha256:${number.toString(16).padStart(16, "0").repeat(4)}`;
const NONE: MemoryBudget = { bytes: 0, count: 0 };
const own = { agent: "worker", plane: "append-only" } as const;

function entry(number: number, more: Partial<KeptEntry> = {}): KeptEntry {
  return { entry: number, ...own, digest: digest(number), bytes: 10, expires: null, ...more };
}
const brief = { plane: "ephemeral", expires: 2000 } as const;

test("an entry stands as it was kept, and past its end it is expired at once", () => {
  const book = new MemoryBook();
  expect(book.keep(entry(0))).toBeNull();
  expect(book.keep(entry(1, brief))).toBeNull();
  expect([book.look(0, 1999), book.look(1, 1999), book.look(2, 1999)]).toEqual(["live", "live", "unknown"]);
  expect([book.look(0, 2000), book.look(1, 2000)]).toEqual(["live", "expired"]);
  expect(book.due(1999, 10)).toEqual([]);
  expect(book.due(2000, 10)).toEqual([1]);
  expect(book.destroy([1], "expired")).toBeNull();
  expect(book.due(9000, 10)).toEqual([]);
  expect(book.look(1, 0)).toBe("expired");
  expect(book.used({ agent: "worker", plane: "ephemeral" })).toEqual(NONE);
  expect(book.used(own)).toEqual({ bytes: 10, count: 1 });
});

test.each([
  ["a number twice", entry(0), "entry 0 exists already"],
  ["a frozen plane", entry(1, { plane: "frozen" }), "nothing is added to a frozen plane"],
  ["no end", entry(1, { plane: "ephemeral" }), "an entry of the ephemeral plane with another end"],
  ["an end for ever", entry(1, { expires: 5000 }), "an entry of the append-only plane with another end"],
])("an entry with %s is refused and changes nothing", (_name, wrong, why) => {
  const book = new MemoryBook();
  expect(book.keep(entry(0))).toBeNull();
  expect(book.keep(wrong)).toBe(why);
  expect([book.next, book.used(own)]).toEqual([1, { bytes: 10, count: 1 }]);
});

test("what does not end yet is not expired, and what is gone is not destroyed again", () => {
  const book = new MemoryBook();
  for (const kept of [entry(0), entry(1, brief), entry(2)]) book.keep(kept);
  expect(book.destroy([0], "expired")).toBe("entry 0 cannot be expired");
  expect(book.destroy([0, 0], "erased")).toBe("an entry a second time");
  expect(book.destroy([0, 3], "erased")).toBe("entry 3 cannot be erased");
  expect(book.look(0, 0)).toBe("live");
  expect(book.destroy([0], "erased")).toBeNull();
  expect(book.destroy([0], "erased")).toBe("entry 0 cannot be erased");
  expect([book.look(0, 0), [...book.entries(own)], [...book.entries(own, 2)]]).toEqual(["erased", [2], []]);
});

test("only what the log has exactly so is confirmed, and nothing of what is gone", () => {
  const book = new MemoryBook();
  book.keep(entry(0));
  book.keep(entry(1, brief));
  expect(book.confirms(entry(0))).toBe(true);
  expect(book.confirms(entry(1, brief))).toBe(true);
  for (const changed of [{ digest: digest(1) }, { bytes: 11 }, { agent: "other" }, brief])
    expect([changed, book.confirms(entry(0, changed))]).toEqual([changed, false]);
  expect(book.confirms(entry(1, { ...brief, expires: 2001 }))).toBe(false);
  book.destroy([0], "erased");
  expect(book.confirms(entry(0))).toBe(false);
});

test("a budget counts what is being written, and a larger one takes an owner's word", () => {
  const book = new MemoryBook();
  book.setBudget("worker", { what: "append-only", budget: { bytes: 30, count: 2 } });
  expect(book.hasRoom(own, 30, NONE)).toBe(true);
  expect(book.hasRoom(own, 31, NONE)).toBe(false);
  expect(book.hasRoom(own, 10, { bytes: 20, count: 1 })).toBe(true);
  expect(book.hasRoom(own, 11, { bytes: 20, count: 1 })).toBe(false);
  expect(book.hasRoom(own, 1, { bytes: 2, count: 2 })).toBe(false);
  book.keep(entry(0));
  book.keep(entry(1));
  expect(book.hasRoom(own, 1, NONE)).toBe(false);
  expect(book.hasRoom({ ...own, agent: "other" }, 1, NONE)).toBe(true);
  book.setBudget("worker", { what: "append-only", budget: { bytes: 30, count: 3 } });
  expect(book.hasRoom(own, 10, NONE)).toBe(true);
});

test("a quarantine takes out exactly what came from there, and can be taken back", () => {
  const book = new MemoryBook();
  const from = (number: number, instance: string, ...sources: string[]) => ({ entry: number, instance, sources });
  const [clean, read, other] = [from(0, "i-1"), from(1, "i-1", "web/fetch"), from(2, "i-2", "mail/read")];
  const out = (): boolean[] => [clean, read, other].map((each) => book.isQuarantined(each));
  expect(out()).toEqual([false, false, false]);
  book.quarantine({ by: "source", value: "web/fetch" });
  expect(out()).toEqual([false, true, false]);
  book.quarantine({ by: "instance", value: "i-2" });
  expect(out()).toEqual([false, true, true]);
  expect(book.release({ by: "source", value: "web/fetch" })).toBe(true);
  expect(book.release({ by: "source", value: "web/fetch" })).toBe(false);
  book.quarantine({ by: "entry", value: "0" });
  expect(out()).toEqual([true, false, true]);
});

/** Random programs against the plainest thing that could be meant: a map of entries. */
const STEPS = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("keep" as const),
      plane: fc.constantFrom("append-only" as const, "ephemeral" as const),
      ttl: fc.integer({ min: -1, max: 50 }),
      number: fc.integer({ min: 0, max: 40 }),
    }),
    fc.record({ do: fc.constant("time" as const), by: fc.integer({ min: -20, max: 40 }) }),
    fc.record({ do: fc.constant("sweep" as const), most: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant("erase" as const), number: fc.integer({ min: 0, max: 45 }) }),
  ),
  { maxLength: 60 },
);

test("MEMORY-KEEPS-ITS-RULES: no program makes the book say anything but what a plain model says", () => {
  fc.assert(
    fc.property(STEPS, (steps) => {
      const book = new MemoryBook();
      const model = new Map<number, { kept: KeptEntry; gone: "expired" | "erased" | null }>();
      let now = 1000;
      for (const step of steps) {
        if (step.do === "time") now = Math.max(0, now + step.by);
        if (step.do === "keep") {
          const expires = step.plane === "ephemeral" || step.ttl < 0 ? now + step.ttl : null;
          const kept = entry(step.number, { plane: step.plane, expires, bytes: step.number });
          const may = !model.has(step.number) && (step.plane === "ephemeral") === (expires !== null);
          expect(book.keep(kept) === null).toBe(may);
          if (may) model.set(step.number, { kept, gone: null });
        }
        if (step.do === "erase") {
          const known = model.get(step.number);
          const may = known?.gone === null;
          expect(book.destroy([step.number], "erased") === null).toBe(may);
          if (known !== undefined && may) known.gone = "erased";
        }
        if (step.do === "sweep") {
          const due = [...model.values()]
            .filter(({ kept, gone }) => gone === null && kept.expires !== null && kept.expires <= now)
            .map(({ kept }) => kept.entry)
            .toSorted((one, other) => one - other)
            .slice(0, step.most);
          expect(book.due(now, step.most)).toEqual(due);
          expect(book.destroy(due, "expired")).toBeNull();
          for (const number of due) {
            const known = model.get(number);
            if (known !== undefined) known.gone = "expired";
          }
        }
        for (let number = 0; number < 46; number += 1) {
          const known = model.get(number);
          const past = known !== undefined && known.kept.expires !== null && known.kept.expires <= now;
          const stands = known === undefined ? "unknown" : (known.gone ?? (past ? "expired" : "live"));
          expect([number, book.look(number, now)]).toEqual([number, stands]);
        }
        for (const plane of ["append-only", "ephemeral"] as const) {
          const there = [...model.values()].filter(({ kept, gone }) => gone === null && kept.plane === plane);
          expect(book.used({ agent: "worker", plane })).toEqual({
            bytes: there.reduce((sum, { kept }) => sum + kept.bytes, 0),
            count: there.length,
          });
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("a book that was packed and made again says the same, and goes on the same", () => {
  const book = new MemoryBook();
  for (const each of [entry(0), entry(1, brief), entry(3, { agent: "other" }), entry(4, { ...brief, bytes: 7 })])
    expect(book.keep(each)).toBeNull();
  expect(book.destroy([1], "expired")).toBeNull();
  const again = new MemoryBook();
  for (const place of book.places()) again.addPlace(place);
  expect(again.unpack(book.pack(0, 2))).toBeNull();
  expect(again.unpack(book.pack(2, book.next))).toBeNull();
  expect(again.owe(book.unsettled)).toBeNull();
  for (const each of [book, again]) {
    expect(each.keep(entry(5, { agent: "other", bytes: 5 }))).toBeNull();
    expect(each.destroy([3], "erased")).toBeNull();
    expect(each.settle(1)).toBeNull();
  }
  const says = (each: MemoryBook): unknown => [
    each.next,
    each.unsettled,
    each.places().map((place) => [place, each.used(place), [...each.entries(place)]]),
    [0, 1, 2, 3, 4, 5].map((number) => [each.look(number, 0), each.placeOf(number), each.confirms(entry(number))]),
    each.due(1999, 9),
    each.due(2000, 9),
    [...each.pack(0, each.next)],
  ];
  expect(says(again)).toEqual(says(book));
});

test.each([
  ["a part of an entry", (packed: Uint8Array) => packed.slice(1), "it is cut"],
  ["a status that is none", (packed: Uint8Array) => packed.with(0, 9), "entry 0 is none"],
  ["a plane that is none", (packed: Uint8Array) => packed.with(18, 9), "entry 0 is none"],
  ["an end where there is none", (packed: Uint8Array) => packed.with(9, 0), "entry 0 is none"],
])("%s is not taken from what was packed", (_name, spoil, why) => {
  const book = new MemoryBook();
  expect(book.keep(entry(0))).toBeNull();
  const again = new MemoryBook();
  again.addPlace(own);
  const packed = book.pack(0, 1);
  expect(packed).toHaveLength(PACKED_BYTES);
  expect(again.unpack(spoil(packed))).toBe(why);
  expect(new MemoryBook().unpack(packed)).toBe("entry 0 is none");
  expect(again.owe([0])).toBe("entry 0 is not gone");
});

/*
 * A book is kept between starts (docs/formats/state.md). Whoever gives it a field says here where that comes from: packed,
 * one of the rows beside it, made of those, or signed by an owner and so read from the log.
 */
test("every field of a book has its place in what is kept", () => {
  const source = readFileSync(new URL("./memory-book.ts", import.meta.url), "utf8");
  const fields = [...source.matchAll(/^  (?:readonly )?#(?<name>[a-zA-Z]+)(?: =|:)/gmu)].map(
    (found) => found.groups?.["name"],
  );
  expect(fields).toEqual([
    "status", // packed
    "digests", // packed
    "expires", // packed
    "planes", // packed
    "bytes", // packed
    "next", // made: behind the last entry
    "earliest", // made: of the ends of those that are there
    "firstEnding", // made: of the same
    "placeNumbers", // made: of the planes
    "places", // a row each; what they hold is made of the entries
    "budgets", // signed
    "quarantines", // a row each
    "unsettled", // rows of numbers
  ]);
});

test("a quarantine by an instance or an entry reaches whoever names it among its sources; alone it does not", () => {
  const [writer, other] = ["i-0000000000000001", "i-0000000000000002"];
  const written = { entry: 3, instance: writer, sources: [] };
  const upon = { entry: 4, instance: other, sources: ["entries:3", `instance:${writer}`] };
  const many = { entry: 5, instance: other, sources: ["(more)"] };
  const neither = { entry: 33, instance: other, sources: ["entries:30,35-40"] };
  const taken = (by: Quarantine["by"], value: string) =>
    [written, upon, many, neither].map((each) => takesOut({ by, value }, each));
  expect(taken("entry", "3")).toEqual(["named", "named", "perhaps", null]);
  expect(taken("instance", writer)).toEqual(["named", "named", "perhaps", null]);
  expect(taken("entry-alone", "3")).toEqual(["named", null, null, null]);
  expect(taken("instance-alone", writer)).toEqual(["named", null, null, null]);
});

test.each([
  ["entry", "3", true],
  ["entry", "03", false],
  ["entry-alone", "x", false],
  ["entry", "-1", false],
  ["instance", "i-0000000000000001", true],
  ["instance-alone", "keeper", false],
  ["source", "web/fetch", true],
  ["source", "", false],
] as const)("a quarantine by %s %s can take something out: %s", (by, value, can) => {
  expect(canBeQuarantined({ by, value })).toBe(can);
});
