import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createOutputFilter } from "./output-filter.ts";

function pass(text: string, encoding: "utf8" | "latin1" = "utf8"): string {
  return Buffer.from(createOutputFilter().pass(Buffer.from(text, encoding))).toString(encoding);
}

describe("what shows something passes", () => {
  test.each([
    ["text", "hello\r\n\tworld\b"],
    ["UTF-8", "Grüße, мир, 漢字, 🙂, ¡«»"],
    ["colours", "\u001b[1;38;5;196mred\u001b[0m"],
    ["cursor and erase", "\u001b[2J\u001b[10;20H\u001b[K\u001b[3A"],
    ["the alternate screen", "\u001b[?1049h\u001b[?25l\u001b[?2004h"],
    ["save and restore", "\u001b7\u001b8"],
    ["cursor shape", "\u001b[4 q"],
  ])("%s", (_name, text) => {
    expect(pass(text)).toBe(text);
  });
});

describe("what acts on the terminal does not", () => {
  test.each([
    ["clipboard write, ended by BEL", "a\u001b]52;c;ZXZpbA==\u0007b", "ab"],
    ["clipboard write, ended by ST", "a\u001b]52;c;ZXZpbA==\u001b\\b", "ab"],
    ["window title", "a\u001b]0;aios\u0007b", "ab"],
    ["link", "\u001b]8;;http://evil\u001b\\text\u001b]8;;\u001b\\", "text"],
    ["device string", "a\u001bP$qm\u001b\\b", "ab"],
    ["application string", "a\u001b_Gx\u001b\\b", "ab"],
    ["cursor position report", "a\u001b[6nb", "ab"],
    ["device attributes", "a\u001b[cb\u001b[>c", "ab"],
    ["window operations", "a\u001b[21tb", "ab"],
    ["focus reports", "a\u001b[?1004hb", "ab"],
    ["a mixed list of modes", "a\u001b[?25;1004hb", "ab"],
    ["reset of the terminal", "a\u001bcb", "ab"],
    ["line drawing", "a\u001b(0b", "ab"],
    ["C1 in UTF-8", "a\u009d52;c;x\u0007b", "a52;c;x\u0007b"],
    ["a title inside a title", "\u001b]0;\u001b]0;x\u0007y", "y"],
    ["other controls", "a\u0000\u000e\u000f\u007fb", "ab"],
  ])("%s", (_name, text, shown) => {
    expect(pass(text)).toBe(shown);
  });

  test("raw C1 bytes outside UTF-8", () => {
    expect(pass("a\u009b6nb\u009d0;x\u0007c", "latin1")).toBe("a6nb0;x\u0007c");
  });
});

test("cutting the output anywhere changes nothing", () => {
  const sample = Buffer.from("Grüße \u001b[31mred\u001b]52;c;eA==\u0007漢\u001b[?25l\u009b6n🙂\u001bP1\u001b\\x");
  const whole = Buffer.from(createOutputFilter().pass(sample));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: sample.length }), fc.integer({ min: 0, max: sample.length }), (one, two) => {
      const [first, second] = one < two ? [one, two] : [two, one];
      const filter = createOutputFilter();
      const pieces = [sample.subarray(0, first), sample.subarray(first, second), sample.subarray(second)];
      expect(Buffer.concat(pieces.map((piece) => filter.pass(piece)))).toEqual(whole);
    }),
  );
});

test("no sequence that makes a terminal answer survives, whatever comes before it", () => {
  const part = fc.constantFrom(
    "\u001b",
    "[",
    "]",
    "6n",
    "c",
    "0;",
    "\u0007",
    "\\",
    "P",
    "x",
    "\u009b",
    "?",
    "52;c;",
    "\u001b[6n",
    "(",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const shown = pass(parts.join(""));
      // oxlint-disable-next-line no-control-regex -- controls are what this looks for
      expect(shown).not.toMatch(/\u001b\[[0-9;?>]*[nct]|\u001b[\]P_^Xc]|[\u0080-\u009f]/u);
    }),
    { numRuns: 5000 },
  );
});

describe("what the agent leaves of its screen", () => {
  const left = (...parts: readonly string[]): string => {
    const filter = createOutputFilter();
    for (const part of parts) filter.pass(new TextEncoder().encode(part));
    return filter.undo();
  };

  test("is nothing after text, colours, and modes that were taken back", () => {
    expect(
      left(
        "hello\u001b[31m red\u001b[m",
        "\u001b[?25l\u001b[?25h",
        "\u001b[?1049h\u001b[?1049l",
        "\u001b[3;9r\u001b[r",
        "\u001b=\u001b>",
        "\u001b[4 q\u001b[ q",
      ),
    ).toBe("");
  });

  // What AIOS says of the end, and the person's prompt, would be written in it: red on red, or not at all.
  test("is put back: a style, which can hide whatever is written next, other keys, another cursor", () => {
    expect(left("\u001b[8;31;41m")).toBe("\u001b[0m");
    expect(left("\u001b[0;8m")).toBe("\u001b[0m");
    expect(left("\u001b=")).toBe("\u001b>");
    expect(left("\u001b[4 q")).toBe("\u001b[0 q");
  });

  test("is put back: margins, the other screen, the mouse, a hidden cursor, lines that do not wrap", () => {
    expect(left("\u001b[38;4", "0r")).toBe("\u001b[r\u001b[999;1H\r\n");
    expect(left("\u001b[?1049;1000h\u001b[?25l\u001b[?7l")).toBe("\u001b[?1049l\u001b[?1000l\u001b[?25h\u001b[?7h");
    expect(left("\u001b[?6h")).toBe("\u001b[?6l\u001b[r\u001b[999;1H\r\n");
  });
});
