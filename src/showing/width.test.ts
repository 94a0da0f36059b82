import { expect, test } from "vitest";
import { cutEnd } from "./width.ts";

test.each([
  ["a text that fits", "abc", 3, "abc"],
  ["one that does not", "abcd", 3, "abc…"],
  ["a code point at the end, which is whole or not there", "ab‹U+202E›c", 9, "ab…"],
  ["the same with room for it", "ab‹U+202E›c", 10, "ab‹U+202E›…"],
  ["a character of two units", "ab\u{1f600}c", 3, "ab…"],
])("the beginning of %s", (_, text, most, shown) => expect(cutEnd(text, most)).toBe(shown));
