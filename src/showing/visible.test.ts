import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeVisible } from "./visible.ts";

describe("plain text comes out as it is", () => {
  test.each([
    "notes.txt",
    "/workspace/Müller & Søn/straße.md",
    "maria@example.org",
    "Привет, мир",
    "日本語のテキスト",
    "TypeScriptを使う",
    "नमस्ते",
    "a  b",
    "100 % of {x: [1, 2]}",
    "¡Hola! 5€ → 20°C ✓",
    "مبلغ ٥٠ريال",
    "שלום עולם",
    "한국어 Node를",
    "👍 done",
  ])("%s", (text) => {
    expect(makeVisible(text)).toBe(text);
  });
});

describe("what deceives is shown as code points", () => {
  test.each([
    ["an escape sequence", "a\u001b[31mred", "a‹U+001B›[31mred"],
    ["a link (OSC 8)", "\u001b]8;;http://evil\u0007x", "‹U+001B›]8;;http://evil‹U+0007›x"],
    ["a C1 control", "a\u009b2Jb", "a‹U+009B›2Jb"],
    ["a carriage return", "rm x\rls", "rm x‹U+000D›ls"],
    ["a newline", "a\nb", "a‹U+000A›b"],
    ["a tab", "a\tb", "a‹U+0009›b"],
    ["bidi override", "exe.\u202Etxt.pdf", "exe.‹U+202E›txt.pdf"],
    ["bidi isolates", "\u2067x\u2069", "‹U+2067›x‹U+2069›"],
    ["zero width space", "pay\u200Bpal", "pay‹U+200B›pal"],
    ["zero width joiner", "a\u200Db", "a‹U+200D›b"],
    ["a byte order mark", "\uFEFFa", "‹U+FEFF›a"],
    ["soft hyphen", "a\u00ADb", "a‹U+00AD›b"],
    ["tag characters", "hi\u{E0041}\u{E007F}", "hi‹U+E0041›‹U+E007F›"],
    ["variation selectors", "a\uFE0Fb\u{E0100}", "a‹U+FE0F›b‹U+E0100›"],
    ["no-break space", "a\u00A0b", "a‹U+00A0›b"],
    ["line separator", "a\u2028b", "a‹U+2028›b"],
    ["hangul filler", "a\u3164b", "a‹U+3164›b"],
    ["blank braille", "\u2800", "‹U+2800›"],
    ["private use", "\uE000", "‹U+E000›"],
    ["a lone surrogate", "\uD800x", "‹U+D800›x"],
    ["Cyrillic in a Latin word", "p\u0430ypal.com", "p‹U+0430›ypal.com"],
    ["Greek in a Latin word", "\u03BFpen", "‹U+03BF›pen"],
    [
      "a Cyrillic label in a Latin address",
      "maria@\u0430\u0440\u0440\u04CF\u0435.com",
      "maria@‹U+0430›‹U+0440›‹U+0440›‹U+04CF›‹U+0435›.com",
    ],
    ["a word of Cyrillic twins alone", "\u0441\u043E\u0440\u0430", "‹U+0441›‹U+043E›‹U+0440›‹U+0430›"],
    ["full-width letters", "\uFF41\uFF42", "‹U+FF41›‹U+FF42›"],
    ["mathematical letters", "\u{1D41A}bc", "‹U+1D41A›bc"],
    ["a ligature", "o\uFB03ce", "o‹U+FB03›ce"],
    ["dotless i", "l\u0131nk", "l‹U+0131›nk"],
    ["a slash that is none", "a\u2215b", "a‹U+2215›b"],
    ["a hyphen that is none", "rm\u2010rf", "rm‹U+2010›rf"],
    ["a mark on nothing", "\u0301a", "‹U+0301›a"],
    ["a stack of marks", "e\u0301\u0301\u0301\u0301", "e‹U+0301›‹U+0301›‹U+0301›‹U+0301›"],
    ["a mark on what is hidden", "\u0449\u200B\u0301", "\u0449‹U+200B›‹U+0301›"],
    ["an accent apart from its letter", "\u0438\u0306", "\u0438‹U+0306›"],
    ["a character with another spelling", "\u212Aube", "‹U+212A›ube"],
    ["a semicolon that is none", "ls\u037E", "ls‹U+037E›"],
    ["a backquote that is none", "\u1FEFid", "‹U+1FEF›id"],
    ["a pipe that is none", "a \u2223 sh", "a ‹U+2223› sh"],
    ["a slash of a script that stands among Latin", "a\u30CEb", "a‹U+30CE›b"],
    ["a digit of another script", "1\u09EA", "1‹U+09EA›"],
    ["a number of another script", "\u09EA\u0BE6", "‹U+09EA›‹U+0BE6›"],
    ["a script that few read", "\u13E2\u13AA\u13BD", "‹U+13E2›‹U+13AA›‹U+13BD›"],
    ["a direction that changes within a name", "a\u05D0b", "a‹U+05D0›b"],
    ["letters of a syllable", "\u1100\u1161", "\u1100‹U+1161›"],
    ["letters of a flag", "\u{1F1FA}\u{1F1F8}", "‹U+1F1FA›‹U+1F1F8›"],
    ["the colour of a hand", "\u{1F44D}\u{1F3FD}", "\u{1F44D}‹U+1F3FD›"],
    ["trailing spaces", "ls  ", "ls‹U+0020›‹U+0020›"],
    ["our own code point signs", "‹U+0041›", "‹U+2039›U+0041‹U+203A›"],
    ["our own gutter", "│ x", "‹U+2502› x"],
  ])("%s", (_name, text, shown) => {
    expect(makeVisible(text)).toBe(shown);
  });
});

test("nothing shown ever moves a cursor or hides", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(makeVisible(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test("two texts that differ are shown differently", () => {
  const unit = fc.constantFrom("a", " ", "\n", "\u0430", "\u202E", "‹", "›", "U+202E", "2", "0", "E", "\u200B");
  const text = fc.array(unit, { maxLength: 6 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, text, (left, right) => {
      fc.pre(left !== right);
      expect(makeVisible(left)).not.toBe(makeVisible(right));
    }),
    { numRuns: 2000 },
  );
});

test("two texts that are drawn alike because Unicode calls them equal are shown differently", () => {
  const unit = fc.constantFrom(
    "a",
    "e",
    "\u0301",
    "\u0323",
    "\u0438",
    "\u0306",
    "\u1100",
    "\u1161",
    "\u00E9",
    "\u212B",
    "\u037E",
  );
  const text = fc.array(unit, { maxLength: 5 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (said) => {
      fc.pre(said.normalize("NFC") !== said);
      expect(makeVisible(said).normalize("NFC")).not.toBe(makeVisible(said.normalize("NFC")));
      expect(makeVisible(said).normalize("NFC")).toBe(makeVisible(said));
    }),
    { numRuns: 2000 },
  );
});
