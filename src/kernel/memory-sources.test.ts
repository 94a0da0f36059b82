import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  actionSource,
  entrySource,
  foreignSources,
  gatherSources,
  instanceSource,
  MOST_SOURCE,
  MOST_SOURCES,
  originIn,
} from "./memory-sources.ts";

const named = (count: number, of = "web/fetch"): string[] => Array.from({ length: count }, (_, at) => `${of}-${at}`);
const name = fc
  .oneof(fc.string({ minLength: 1, maxLength: 20 }), fc.string({ minLength: 390, maxLength: 500 }))
  .map((text) => `d/${text}`);

describe("the sources of an entry", () => {
  test("are named as long as there is room", () => {
    expect(gatherSources(["web/fetch", "files/read", "web/fetch"])).toEqual(["files/read", "web/fetch"]);
    expect(gatherSources(named(MOST_SOURCES))).toEqual(named(MOST_SOURCES).toSorted());
    expect(originIn(gatherSources(named(MOST_SOURCES)), "web/fetch-64")).toBeNull();
  });

  test("hide none behind many others, wherever it stands among them", () => {
    // As it was: the first 63 in the order of their names, and a mark that said nothing.
    const before = [...named(66).toSorted().slice(0, 63), "(more)"];
    expect(before.includes("zfiles/read")).toBe(false);
    for (const count of [66, 300, 5000]) {
      const sources = gatherSources([...named(count), "zfiles/read"]);
      expect(sources).toHaveLength(MOST_SOURCES);
      expect(sources.every((each) => each.length <= MOST_SOURCE)).toBe(true);
      expect(originIn(sources, "zfiles/read")).toBe("perhaps");
    }
  });

  test("stand for hardly any other while they are some hundreds", () => {
    const [some, many] = [gatherSources(named(460)), gatherSources(named(30_000))];
    const others = named(1000, "mail/read");
    expect(others.filter((each) => originIn(some, each) !== null).length).toBeLessThan(20);
    const more = gatherSources(named(1060));
    expect(others.filter((each) => originIn(more, each) !== null).length).toBeLessThan(120);
    // Beyond that an entry comes from everywhere, rather than from nowhere.
    expect(others.filter((each) => originIn(many, each) !== null)).toHaveLength(1000);
  });

  test("are as many again when they were recalled", () => {
    const poisoned = gatherSources([...named(70), "zfiles/read"]);
    const upon = gatherSources(["mail/read", ...poisoned]);
    expect(originIn(upon, "zfiles/read")).toBe("perhaps");
    expect(originIn(gatherSources([...upon, ...gatherSources(named(70, "a/b"))]), "zfiles/read")).toBe("perhaps");
  });

  test("of what was written under one filter for all stand for as many, whatever is written upon it", () => {
    // Every bit is set: as one that had read thousands.
    const older = `(more) ${"f".repeat(384)}`;
    expect(originIn([older], "zfiles/read")).toBe("perhaps");
    const upon = gatherSources([older, ...named(70)]);
    expect([upon.includes(older), upon.length <= MOST_SOURCES]).toEqual([true, true]);
    expect(originIn(upon, "zfiles/read")).toBe("perhaps");
    const none = `(more) ${"0".repeat(384)}`;
    expect(originIn(gatherSources([none, "a/b"]), "zfiles/read")).toBeNull();
    for (const each of named(70)) expect(originIn(gatherSources([none, ...named(70)]), each)).not.toBeNull();
  });

  test.each([
    "(more)",
    "(more) ",
    "(more) 00",
    `(more) 4/4 ${"0".repeat(384)}`,
    `(more) 0/5 ${"0".repeat(384)}`,
    `(more) ${"0".repeat(383)}x`,
    "(more)x",
  ])("come from everywhere where %j stands for the rest, and whatever is written upon them", (rest) => {
    expect(originIn(["a/b", rest], "zfiles/read")).toBe("perhaps");
    expect(gatherSources(["a/b", rest])).toEqual(["a/b", "(more)"]);
  });

  test("are never missed, however many and long they are, and from however many recalls", () => {
    fc.assert(
      fc.property(fc.array(fc.array(name, { maxLength: 120 }), { maxLength: 4 }), (runs) => {
        let sources: readonly string[] = [];
        for (const read of runs) sources = gatherSources([...sources, ...read]);
        expect(sources.length).toBeLessThanOrEqual(MOST_SOURCES);
        for (const each of sources) expect(each.length).toBeLessThanOrEqual(MOST_SOURCE);
        for (const each of runs.flat()) expect(originIn(sources, each)).not.toBeNull();
      }),
      { numRuns: 60 },
    );
  });
});

describe("of what was recalled", () => {
  const recalled = (...entries: number[]): string[] => entries.map(entrySource);

  test("entries stand together, each found and no other", () => {
    const sources = gatherSources(["files/read", ...recalled(7, 3, 8, 9, 12), instanceSource("i-0123456789abcdef")]);
    expect(sources).toEqual(["files/read", "instance:i-0123456789abcdef", "entries:3,7-9,12"]);
    for (const entry of [3, 7, 8, 9, 12]) expect(originIn(sources, entrySource(entry))).toBe("named");
    for (const entry of [2, 4, 6, 10, 11, 13]) expect(originIn(sources, entrySource(entry))).toBeNull();
    expect(originIn(sources, instanceSource("i-0123456789abcdef"))).toBe("named");
    expect(gatherSources([...sources, entrySource(10)])).toContain("entries:3,7-10,12");
  });

  test("very many hide no tool, and are missed by none", () => {
    const many = Array.from({ length: 300 }, (_, at) => at * 7);
    const sources = gatherSources([...named(60), ...recalled(...many)]);
    expect(named(60).every((each) => sources.includes(each))).toBe(true);
    expect(sources.every((each) => each.length <= MOST_SOURCE) && sources.length <= MOST_SOURCES).toBe(true);
    for (const entry of many) expect(originIn(sources, entrySource(entry))).not.toBeNull();
    // A filter over entries says nothing of tools, nor one over tools of entries.
    expect(originIn(sources, "mail/read")).toBeNull();
    expect(originIn(gatherSources(named(5000)), entrySource(3))).toBeNull();
    const again = gatherSources([...sources, ...recalled(1)]);
    for (const entry of [...many, 1]) expect(originIn(again, entrySource(entry))).not.toBeNull();
  });

  test("a run that nobody could have read stands for everything, and costs nothing", () => {
    const scattered = Array.from({ length: 100 }, (_, at) => at * 1000 + 1);
    expect(gatherSources([...recalled(...scattered), "entries:5000000-900000000000"])).toContain("(more)");
  });

  test.each(["entries:", "entries:1,", "entries:01", "entries:1-", "entries:-1", "Entries:1"])(
    "%j is no entry",
    (source) => {
      expect(originIn([source], entrySource(1))).toBeNull();
    },
  );

  test("sources of another log say nothing of entries here", () => {
    const theirs = gatherSources(["web/fetch", ...recalled(...Array.from({ length: 300 }, (_, at) => at * 7))]);
    expect(foreignSources(theirs)).toEqual(["web/fetch"]);
    expect(foreignSources(["(more)", "(more) entries 00"])).toEqual(["(more)", "(more) entries 00"]);
  });
});

describe("of the network", () => {
  const from = (host: string, tool = "fetch"): string =>
    actionSource(`net/${tool}`, { driver: "net", arguments: { host, port: 443 } });

  test("the host is named: one is found and not another, and the device finds them all", () => {
    expect(from("bad.example")).toBe("net/fetch bad.example");
    const sources = gatherSources([from("bad.example"), from("good.example", "send")]);
    expect(originIn(sources, "net/fetch bad.example")).toBe("named");
    expect(originIn(sources, "net/fetch good.example")).toBeNull();
    expect([originIn(sources, "net/fetch"), originIn(sources, "net/send")]).toEqual(["named", "named"]);
    expect(originIn(sources, "net/connect")).toBeNull();
  });

  test("very many hosts push out no tool; those without room are in the filter, and so is that the device had one", () => {
    const hosts = Array.from({ length: 200 }, (_, at) => from(`h${at}.example`));
    const sources = gatherSources([...hosts, ...named(40)]);
    expect(named(40).every((each) => sources.includes(each))).toBe(true);
    for (const host of hosts) expect(originIn(sources, host)).not.toBeNull();
    expect(originIn(sources, "net/fetch")).toBe("named");
    const only = gatherSources([...hosts, ...named(63)]);
    expect(only.some((each) => each.startsWith("net/fetch"))).toBe(false);
    expect([originIn(only, "net/fetch"), originIn(only, "net/send")]).toEqual(["perhaps", null]);
  });

  test("what was written before hosts were named may come from every one of them", () => {
    expect(originIn(["net/fetch"], "net/fetch bad.example")).toBe("perhaps");
    expect(originIn(["net/send"], "net/fetch bad.example")).toBeNull();
    const cut = gatherSources([...named(64, "a/read"), "net/fetch"]);
    expect(cut).not.toContain("net/fetch");
    expect(originIn(cut, "net/fetch bad.example")).toBe("perhaps");
  });

  test.each([
    [{ driver: "net", arguments: { host: "Bad.Example" } }, "net/fetch"],
    [{ driver: "net", arguments: { host: 5 } }, "net/fetch"],
    [{ driver: "web", arguments: { host: "bad.example" } }, "net/fetch"],
  ])("of %j no host is taken", (action, source) => {
    expect(actionSource("net/fetch", action)).toBe(source);
  });
});
