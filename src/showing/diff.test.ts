import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffTexts } from "./diff.ts";

const drawn = (before: string, after: string): readonly string[] =>
  diffTexts(before, after).map(({ mark, text }) => `${mark}${text}`);

describe("a diff", () => {
  test("of equal texts is empty", () => expect(drawn("a\nb\n", "a\nb\n")).toEqual([]));

  test("has three lines around a change, and says how many it leaves out", () => {
    const lines = Array.from({ length: 12 }, (_, at) => `${at}\n`);
    expect(drawn(lines.join(""), lines.with(6, "six\n").join(""))).toEqual([
      "@3 lines as they are",
      " 3",
      " 4",
      " 5",
      "-6",
      "+six",
      " 7",
      " 8",
      " 9",
      "@2 lines as they are",
    ]);
  });

  test("tells a line that ends in a newline from one that does not", () => {
    expect(drawn("a\n", "a")).toEqual(["-a", "+a", "@no newline at its end"]);
  });

  test("of a new text is all of it", () => expect(drawn("", "a\n\nb\n")).toEqual(["+a", "+", "+b"]));

  test("of two long texts with nothing in common is done at once, and complete", () => {
    const [before, after] = ["-", "+"].map((mark) =>
      Array.from({ length: 5000 }, (_, at) => `${mark}${at}\n`).join(""),
    );
    expect(diffTexts(before ?? "", after ?? "")).toHaveLength(10_000);
  });

  test("of short texts has every line of both, in order", () => {
    const text = fc.array(fc.constantFrom("a\n", "b\n", "c\n", "\n"), { maxLength: 4 }).map((lines) => lines.join(""));
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before !== after);
        const rows = diffTexts(before, after);
        const side = (marks: string): string =>
          rows.flatMap(({ mark, text: line }) => (marks.includes(mark) ? [`${line}\n`] : [])).join("");
        expect([side(" -"), side(" +")]).toEqual([before, after]);
      }),
    );
  });
});
