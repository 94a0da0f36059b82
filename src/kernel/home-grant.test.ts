import { describe, expect, it } from "vitest";
import { givesLess, isHomePath, isSealedBy, leastHome, readHome, type HomeGrant } from "./home-grant.ts";
import type { JsonValue } from "./json.ts";
import { readDocument } from "./reading.ts";

const home = (bytes: number, entries: number, ...sealed: string[]): HomeGrant => ({ bytes, entries, sealed });

describe("a path below the home", () => {
  it.each(["CLAUDE.md", ".claude/settings.json", ".claude/agents/", "a/b/c/d/e/f/g/h"])("is %s", (path) =>
    expect(isHomePath(path)).toBe(true),
  );

  it.each(["", "/", "/etc/passwd", "a//b", "a/./b", "../a", "a/..", "a b", "a\u0000", "a/b/c/d/e/f/g/h/i", "é"])(
    "is not %j",
    (path) => expect(isHomePath(path)).toBe(false),
  );

  it("is sealed by itself and by a folder around it, on whole segments", () => {
    expect(isSealedBy("CLAUDE.md", "CLAUDE.md")).toBe(true);
    expect(isSealedBy(".claude/agents/", ".claude/agents/x.md")).toBe(true);
    expect(isSealedBy(".claude/agents/", ".claude/agents.md")).toBe(false);
    expect(isSealedBy("CLAUDE", "CLAUDE.md")).toBe(false);
  });
});

describe("the home of a grant", () => {
  const read = (value: JsonValue): string => {
    const decoded = readDocument(value, readHome);
    return decoded.kind === "ok" ? "ok" : decoded.message;
  };

  it("has a budget of bytes and one of entries, and what is sealed", () => {
    expect(read({ bytes: 2 ** 31, entries: 1000, sealed: [".claude/agents/", "CLAUDE.md"] })).toBe("ok");
    expect(read({ bytes: 10, entries: 1000, sealed: [] })).toMatch(/^bytes: not a whole number/);
    expect(read({ bytes: 2 ** 31, entries: 2_000_000, sealed: [] })).toMatch(/^entries: not a whole number/);
    expect(read({ bytes: 2 ** 31, entries: 1000 })).toBe("sealed: missing");
    expect(read({ bytes: 2 ** 31, entries: 1000, sealed: ["../x"] })).toMatch(/one reading/);
  });

  it.each([
    ["a/", "a/b"],
    ["a", "a/b"],
    ["a", "a/"],
  ])("does not seal %s and %s, of which one would mean nothing", (one, other) => {
    expect(read({ bytes: 2 ** 31, entries: 1000, sealed: [one, other] })).toMatch(/lies within/);
    expect(read({ bytes: 2 ** 31, entries: 1000, sealed: [other, one] })).toMatch(/lies within/);
  });
});

describe("the least home of a chain", () => {
  it("is the widest of one agent and the narrowest of those above each other", () => {
    expect(leastHome([[home(10, 5, "a"), null, home(20, 3)]])).toEqual(home(20, 5, "a"));
    expect(leastHome([[home(20, 5)], [home(10, 9, "b")]])).toEqual(home(10, 5, "b"));
  });

  it("is none when one of the chain has none", () => {
    expect(leastHome([[home(20, 5)], [null]])).toBeNull();
    expect(leastHome([[]])).toBeNull();
    expect(leastHome([])).toBeNull();
  });

  it("seals what any of them seals, the outermost once", () => {
    expect(leastHome([[home(1, 1, "a/b"), home(1, 1, "a/")]])?.sealed).toEqual(["a/"]);
  });
});

describe("a home that gives less", () => {
  it("is none, a smaller one, or one that seals more", () => {
    const had = home(10, 10, "a/");
    expect(givesLess(null, had)).toBe(true);
    expect(givesLess(home(9, 10, "a/"), had)).toBe(true);
    expect(givesLess(home(10, 9, "a/"), had)).toBe(true);
    expect(givesLess(home(10, 10, "a/", "b"), had)).toBe(true);
    expect(givesLess(home(10, 10, "a/b"), had)).toBe(false);
    expect(givesLess(home(20, 20), had)).toBe(false);
    expect(givesLess(null, null)).toBe(false);
  });
});
