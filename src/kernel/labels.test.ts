import { describe, expect, it } from "vitest";
import { isTainted, mergeLabels } from "./labels.ts";

describe("mergeLabels", () => {
  it("gives each label once, in one order", () => {
    expect(mergeLabels(["secret", "untrusted"], [], ["untrusted", "private"])).toEqual([
      "untrusted",
      "private",
      "secret",
    ]);
    expect(mergeLabels()).toEqual([]);
  });
});

describe("isTainted", () => {
  it("needs both words from outside and private data", () => {
    expect(isTainted(["untrusted", "private"])).toBe(true);
    expect(isTainted(["secret", "private", "untrusted"])).toBe(true);
    expect(isTainted(["untrusted", "secret"])).toBe(false);
    expect(isTainted(["private"])).toBe(false);
    expect(isTainted([])).toBe(false);
  });
});
