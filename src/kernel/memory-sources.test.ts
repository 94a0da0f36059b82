import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gatherSources, MOST_SOURCE, MOST_SOURCES, originIn } from "./memory-sources.ts";

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
    const [some, many] = [gatherSources(named(160)), gatherSources(named(5000))];
    const others = named(1000, "mail/read");
    expect(others.filter((each) => originIn(some, each) !== null).length).toBeLessThan(20);
    // Beyond that an entry comes from everywhere, rather than from nowhere.
    expect(others.filter((each) => originIn(many, each) !== null)).toHaveLength(1000);
  });

  test("are as many again when they were recalled", () => {
    const poisoned = gatherSources([...named(70), "zfiles/read"]);
    const upon = gatherSources(["mail/read", ...poisoned]);
    expect(originIn(upon, "zfiles/read")).toBe("perhaps");
    expect(originIn(gatherSources([...upon, ...gatherSources(named(70, "a/b"))]), "zfiles/read")).toBe("perhaps");
  });

  test.each(["(more)", "(more) ", "(more) 00", `(more) ${"0".repeat(383)}x`, "(more)x"])(
    "come from everywhere where %j stands for the rest, and whatever is written upon them",
    (rest) => {
      expect(originIn(["a/b", rest], "zfiles/read")).toBe("perhaps");
      expect(gatherSources(["a/b", rest])).toEqual(["a/b", "(more)"]);
    },
  );

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
