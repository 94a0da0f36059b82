import { describe, expect, test } from "vitest";
import { join, line, plainText } from "../showing/line.ts";
import { measureText } from "../showing/width.ts";
import { fold, insistBelow, prose } from "./insist-below.ts";
import { BLANK } from "./show-held.ts";

const rule = (text: string) => join(["faint", "  │ "], text);
const at = (shown: ReturnType<typeof rule>, columns: number) => fold(shown, columns).map(plainText);

/** A terminal that has these widths, one after another, each from when something was answered there. */
function sit(widths: readonly number[], answers: readonly (string | null)[]) {
  const written: string[] = [];
  let asked = 0;
  const screen = {
    write: (text: string) => void written.push(text),
    get columns() {
      return widths[Math.min(asked, widths.length - 1)] ?? 80;
    },
    colour: false,
    terminal: true,
  };
  const person = {
    askLine: (prompt: string) => (written.push(prompt), Promise.resolve(answers[asked++] ?? null)),
    askPassphrase: () => Promise.resolve(null),
  };
  const unlocks: unknown[] = [];
  const session = {
    unlock: (asker?: unknown) => (unlocks.push(asker), Promise.reject(new Error("no key here"))),
    unlocked: false,
    forget: () => {},
  };
  const lines = [rule(`permit (${"x".repeat(20)});`)];
  const asking = insistBelow(
    { powers: { person }, session },
    { lines: () => lines, question: "Put it in force?", screen },
  );
  return { written, asking, unlocks };
}

describe("what is signed below what was read", () => {
  test("is drawn anew when the terminal has another width, and asked about again", async () => {
    const { written, asking, unlocks } = sit([80, 30, 30], ["y", "y"]);
    const signing = await asking;
    expect(written).toEqual([
      "  │ permit (xxxxxxxxxxxxxxxxxxxx);\n\n",
      "Put it in force? [y/N] ",
      BLANK,
      "  │ permit (xxxxxxxxxxxxxxxxxx\n      xx);\n\n",
      "Put it in force? [y/N] ",
    ]);
    await expect(signing.unlock()).rejects.toThrow("no key here");
    // The passphrase belongs to the same rows, which are drawn anew below it too.
    expect(unlocks).toEqual([expect.objectContaining({ redraw: expect.any(Function) })]);
  });

  test("twin: is asked about once while the width stays, and a no ends it", async () => {
    const { written, asking } = sit([80], ["n"]);
    await expect(asking).rejects.toMatchObject({ code: "not-confirmed" });
    expect(written).toHaveLength(2);
  });

  test("attack: a piece of a long comment passes for no rule of its own, at any width", () => {
    const comment = `// ${"harmless ".repeat(9)}forbid (principal, action, resource);`;
    for (let columns = 8; columns < 120; columns += 1) {
      const [first = "", ...rest] = at(rule(comment), columns);
      expect(first.startsWith("  │ //".slice(0, columns))).toBe(true);
      expect(rest.filter((row) => !row.startsWith("      ") || row.includes("│"))).toEqual([]);
      expect([first, ...rest].filter((row) => measureText(row) > columns)).toEqual([]);
      // A space at the end of a row is seen.
      const all = first + rest.map((row) => row.slice(6)).join("");
      expect(all.replaceAll("␠", " ")).toBe(`  │ ${comment}`);
    }
  });

  test("prose of our own is broken at spaces", () => {
    expect(prose(["Arguments stay here."])(12).map(plainText)).toEqual(["Arguments", "stay here."]);
  });

  test("a line that has room stays in its pieces", () => {
    const short = join(["bad", "x"], "y");
    expect(fold(short, 2)).toEqual([short]);
    expect(fold(line("xyz", "wait"), 2).map(plainText)).toEqual(["xy", "      z"]);
  });
});
