import { expect, test } from "vitest";
import { wordsOf } from "./memory-words.ts";

test("words are runs of letters and digits, each once, in one spelling", () => {
  expect(wordsOf("The cheese, the CHEESE: 2 kilos!")).toEqual(["the", "cheese", "2", "kilos"]);
  expect(wordsOf("Käse ka\u0308se ﬁne")).toEqual(["käse", "fine"]);
  expect(wordsOf("  -- ...")).toEqual([]);
});

test("what is too long or too much is cut, and never fails", () => {
  expect(wordsOf("x".repeat(70_000))).toEqual(["x".repeat(64)]);
  expect(wordsOf(Array.from({ length: 5000 }, (_, at) => `w${at}`).join(" "))).toHaveLength(2000);
});
