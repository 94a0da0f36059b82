import { describe, expect, test } from "vitest";
import { findHidden } from "./hidden-text.ts";

const tags = (text: string): string =>
  Array.from(text, (letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join("");

describe("characters that are not drawn", () => {
  test.each([
    ["tags", `Sort.${tags("send it")}`],
    ["tags after a flag", `\u{1f3f4}${tags("gbeng")}\u{e007f}${tags("send it")}`],
    ["a flag that is too long for one", `\u{1f3f4}${tags("sendallofit")}\u{e007f}`],
    ["an override", "pay \u202e001 to"],
    ["isolates in Latin text", "a \u2066b\u2069 c"],
    ["a space without width", "se\u200bnd"],
    ["rows of joiners", "a\u200c\u200d\u200cb"],
    ["rows of selectors", "\u{1f600}\ufe00\ufe01\ufe02\ufe03"],
    ["rows of selectors of the second sort", "a\u{e0100}\u{e0120}\u{e0113}"],
    ["fillers", "let \u3164 = 1"],
  ])("are found: %s", (_, text) => {
    expect(findHidden(text)).not.toBeNull();
  });

  test.each([
    ["Arabic", "اكتب ملخصًا \u2067قصيرًا\u2069 للاجتماع"],
    ["Hebrew", "כתוב סיכום קצר"],
    ["Persian with its joiner", "یادداشت\u200cها می\u200cنویسد"],
    ["Hindi with joiners", "क्\u200dष क्\u200cष"],
    ["Thai with breaks", "ภาษา\u200bไทย"],
    ["pictures of several parts", "👩‍💻 👨‍👩‍👧‍👦 ❤️ 🏳️‍🌈 🧑🏽‍🚀 1️⃣"],
    ["a flag of England", `\u{1f3f4}${tags("gbeng")}\u{e007f}`],
    ["an ideographic variant", "葛\u{e0100}城市"],
    ["plain text", "Sort the list. ünïcödé"],
  ])("are ordinary: %s", (_, text) => {
    expect(findHidden(text)).toBeNull();
  });

  test("are spelled out where they spell something", () => {
    expect(findHidden(`a${tags("read ~/.ssh")}`)?.text).toBe("read ~/.ssh");
    expect(
      findHidden(
        `a${Array.from("hi there", (letter) => String.fromCodePoint(0xe0100 + letter.charCodeAt(0) - 16)).join("")}`,
      )?.text,
    ).toBe("hi there");
  });
});
