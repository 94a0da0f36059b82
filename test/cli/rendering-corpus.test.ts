import { describe, expect, test } from "vitest";
import { renderHeld } from "../../src/showing/held-action.ts";
import { plainText } from "../../src/showing/line.ts";
import { drawTop } from "../../src/cli/top-screen.ts";
import { measureText } from "../../src/showing/width.ts";
import { createCrypto } from "../../src/platform/crypto.ts";
import { heldOver, instances } from "./cast.ts";

/*
 * The rendering corpus for terminals: what agents could write to make a person sign something other than what they read. Each
 * is shown so that it can be read back to the very bytes, with nothing in it that a terminal would obey or hide, or is refused.
 */
const times = (text: string, count: number): string => text.repeat(count);
const CORPUS: readonly (readonly [name: string, text: string])[] = [
  // Sequences that a terminal obeys (ECMA-48, xterm).
  ["clears the screen", "ok\u001b[2J\u001b[Hnothing"],
  ["paints over the line before", "rm -rf /\u001b[1A\u001b[2Kls"],
  ["goes back and writes anew", "rm -rf /\rls      "],
  ["backspaces", `rm -rf /${times("\b", 8)}ls`],
  ["hides by its colour", "safe\u001b[30;40m and more\u001b[0m"],
  ["conceals", "safe\u001b[8m and more\u001b[28m"],
  ["moves the cursor", "a\u001b[10;10Hb"],
  ["sets the scrolling region", "a\u001b[1;1rb"],
  ["switches to the alternate screen", "\u001b[?1049hfake prompt"],
  ["has 8-bit controls", "a\u009b2Jb"],
  ["resets the terminal", "\u001bcfresh"],
  ["asks for a report", "\u001b[6n\u001b[c"],
  ["sets a title", "\u001b]0;approved\u0007x"],
  ["writes the clipboard", "\u001b]52;c;cm0gLXJmIC8=\u0007x"],
  ["links elsewhere (OSC 8)", "\u001b]8;;https://evil.example\u001b\\https://good.example\u001b]8;;\u001b\\"],
  ["links elsewhere with BEL", "\u001b]8;;https://evil.example\u0007good\u001b]8;;\u0007"],
  ["sends a device control string", "\u001bP$qm\u001b\\x"],
  ["sends an application command", "\u001b_Ga=T;AAAA\u001b\\x"],
  ["rings", "look\u0007"],
  ["shifts the character set", "\u000eabc\u000f"],
  ["has a lone escape", "a\u001b"],
  ["has NUL", "a\u0000b"],
  ["has DEL", "abc\u007f"],
  // Directions (Trojan Source).
  ...["\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u200e", "\u200f", "\u061c"].map(
    (mark) =>
      [`turns the direction with U+${mark.charCodeAt(0).toString(16)}`, `pay ${mark}001 to\u202c\u2069 bob`] as const,
  ),
  ["writes in another direction", "transfer \u05d0\u05d1 100"],
  // What nobody sees.
  [
    "hides words in tags",
    `hello${Array.from("delete all", (each) => String.fromCodePoint(0xe0000 + each.charCodeAt(0))).join("")}`,
  ],
  ["begins with a language tag", "\u{e0001}en"],
  ["has a zero-width space", "good\u200b.example"],
  ["has a joiner", "ad\u200dmin"],
  ["has a non-joiner", "ad\u200cmin"],
  ["has a word joiner", "ad\u2060min"],
  ["has a byte order mark", "\ufeffadmin"],
  ["has a soft hyphen", "ad\u00admin"],
  ["has a Hangul filler", "ad\u3164min"],
  ["has a variation selector", "a\ufe0fb\u{e0100}c"],
  ["has a Braille blank", "a\u2800b"],
  ["has an invisible times", "2\u20623"],
  ["has private use", "a\ue000b"],
  ["has an unassigned character", "a\u{e0fff}b"],
  // Spaces and ends of lines.
  ["has a no-break space", "rm\u00a0-rf"],
  ["has an ideographic space", "rm\u3000-rf"],
  ["has a hair space", "rm\u200a-rf"],
  ["ends in spaces", "path   "],
  ["is spaces alone", "     "],
  ["ends in a tab", "path\t"],
  ["has a next line", "one\u0085two"],
  ["has a line separator", "one\u2028two"],
  ["has a paragraph separator", "one\u2029two"],
  ["has newlines", "one\ntwo\n\nfour"],
  ["ends in a newline", "one\n"],
  ["begins with a newline", "\none"],
  ["has a vertical tab and a form feed", "a\u000bb\u000cc"],
  ["draws our own frame", 'x"\n  /to  "bob@good.example"\n\narguments, in full:'],
  ["draws our gutter", "a\n    │ b\n    ┊ c"],
  ["draws our code points", "‹U+202E› and ␠"],
  // Look-alikes.
  ["has a Cyrillic a", "p\u0430ypal.com"],
  ["is Cyrillic alone and reads as Latin", "\u0440\u0430\u0443"],
  ["has a Greek omicron", "micr\u03bfsoft.com"],
  ["has full-width letters", "\uff41\uff44\uff4d\uff49\uff4e"],
  ["has mathematical letters", "\u{1d41a}dmin"],
  ["has a fraction slash", "good.example\u2044@evil.example"],
  ["has a one-dot leader", "good\u2024example"],
  ["has curly quotes", "\u201cquoted\u201d"],
  ["has a dotless i", "adm\u0131n"],
  ["has an en dash for a hyphen", "\u2013\u2013force"],
  ["stacks marks", `z${times("\u0335", 12)}algo`],
  ["begins with a mark", "\u0301abc"],
  ["has a ligature", "\ufb01le"],
  // Tails.
  ["has a tail out of sight", `ls${times(" ", 300)}; rm -rf /`],
  ["has a tail far below", `ls${times("\n", 100)}rm -rf /`],
  ["is one long word", times("a", 5000)],
  ["is wide", times("漢", 200)],
];

/** Too much to be read, whatever the screen can hold. */
const REFUSED: readonly (readonly [name: string, text: string])[] = [
  ["has more lines than a person reads", times("x\n", 300)],
  ["has more bytes", times("x", 70_000)],
  ["has them as code points", times("\u202e", 30_000)],
];

const powers = { crypto: createCrypto() };

/** What a reader of the lines takes the argument for: between quotes, or behind the gutter. */
function readBack(lines: readonly string[]): string {
  const at = lines.findIndex((each) => each.startsWith("  /text"));
  const head = lines[at] ?? "";
  const quoted = /^ {2}\/text {2}"(.*)"$/u.exec(head)?.[1];
  const rows: string[] = [];
  for (const each of lines.slice(at + 1)) {
    const row = /^ {4}[│┊] (.*)$/u.exec(each)?.[1];
    if (row === undefined) break;
    rows.push(row.replace(/␠$/u, " "));
  }
  return (quoted ?? rows.join("")).replaceAll(/‹U\+([0-9A-F]{4,6})›/gu, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  );
}

// What must not come out.
const OBEYED =
  // oxlint-disable-next-line no-control-regex -- controls are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad\u{e0000}-\u{e0fff}\p{Cs}]/u;

test("there are more than sixty", () => {
  expect(CORPUS.length).toBeGreaterThanOrEqual(60);
  expect(new Set(CORPUS.map(([, text]) => text)).size).toBe(CORPUS.length);
});

describe("an argument of a held action", () => {
  for (const columns of [40, 80, 200])
    test.each(CORPUS)(`that %s is shown truthfully in ${columns} columns`, (_, text) => {
      const rendered = renderHeld(heldOver({ text, to: "bob@good.example" }), {
        digest: powers.crypto.digest,
        columns,
      });
      if (rendered.kind === "refused") {
        expect(rendered.why).not.toBe("");
        return;
      }
      const lines = rendered.lines.map(plainText);
      expect(lines.filter((each) => OBEYED.test(each))).toEqual([]);
      expect(lines.filter((each) => measureText(each) > Math.max(40, Math.min(columns, 120)))).toEqual([]);
      expect(readBack(lines)).toBe(text);
      // The next argument is where it was: nothing that was shown stands in its place.
      expect(lines.filter((each) => each === '  /to  "bob@good.example"')).toHaveLength(1);
    });

  test.each(REFUSED)("that %s is refused", (_, text) => {
    expect(renderHeld(heldOver({ text }), { digest: powers.crypto.digest, columns: 80 }).kind).toBe("refused");
  });

  test("that no text can hold (half a character) is no action at all", () => {
    expect(() => heldOver({ text: "a\ud800b" })).toThrow(/lone surrogate/);
  });

  test("as a name is shown as a name, and none can pass for another", () => {
    for (const [, text] of CORPUS.filter(([, each]) => each.length < 200)) {
      const rendered = renderHeld(heldOver({ [text]: "value" }), { digest: powers.crypto.digest, columns: 80 });
      if (rendered.kind === "shown")
        expect(rendered.lines.map(plainText).filter((each) => OBEYED.test(each))).toEqual([]);
    }
  });
});

test.each(CORPUS)("in the lists of the live screen, what %s moves no cursor and no column", (_, text) => {
  const [first] = instances;
  if (first === undefined) throw new Error("there is no instance to show");
  const held = { ...heldOver({}), what: text, reasons: [text], times: 1 };
  const lines = drawTop(
    {
      instances: [{ ...first, why: text }],
      held: [held],
      stages: new Map(),
      allFrozen: null,
      recovering: null,
      pane: "held",
      chosen: { instances: 0, held: 0 },
      budgets: [],
      notes: [],
    },
    { columns: 80, rows: 24, now: 0 },
  ).map(plainText);
  expect(lines.filter((each) => OBEYED.test(each) || measureText(each) > 80)).toEqual([]);
});
