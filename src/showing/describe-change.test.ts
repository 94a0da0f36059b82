import { describe, expect, test } from "vitest";
import type { Action } from "../kernel/action.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { FoundFile } from "../protocol/found-file.ts";
import { describeChange } from "./describe-change.ts";
import { plainText } from "./line.ts";

const digest = `sha256:${"7".repeat(64)}`;
const path = "/workspace/a.txt";
const BOUND = [
  "  When it is another by the time you sign, your yes counts for nothing and you are asked to look again.",
];

function show(args: JsonObject, found: FoundFile): readonly string[] {
  const action: Action = {
    v: 1,
    request: "0".repeat(32),
    agent: "notes",
    instance: "i-0123456789abcdef",
    verb: "call",
    driver: "files",
    name: "write_file",
    arguments: args,
  };
  return describeChange(action, { found, columns: 110 }).map(plainText);
}
const over = (before: string, content: string): readonly string[] =>
  show({ path, content }, { kind: "text", path, digest, text: before });

describe("what a write would change", () => {
  test("is shown as a diff, with the digest of what it was compared with", () => {
    expect(over("one\ntwo\n", "one\nthree\n")).toEqual([
      "",
      "what it would change in /workspace/a.txt:",
      `  compared with what is there now, ${digest}`,
      "    │ one",
      "  - │ two",
      "  + │ three",
      ...BOUND,
    ]);
  });

  test("is read from edits, each of which must be there exactly once", () => {
    const edit = (oldText: string): readonly string[] =>
      show(
        { path, edits: [{ oldText, newText: "x" }], dryRun: false },
        { kind: "text", path, digest, text: "a\nb\nb\n" },
      );
    expect(edit("a")).toContain("  + │ x");
    for (const oldText of ["b", "c"]) expect(edit(oldText).join("\n")).toMatch(/not there exactly once/u);
  });

  test.each<[FoundFile, RegExp]>([
    [{ kind: "nothing", path }, /Nothing is there now: it would be a new file/u],
    [{ kind: "link", path }, /A link is there or on the way\. It is not followed/u],
    [{ kind: "no-file", path }, /no file/u],
    [{ kind: "unreadable", path }, /cannot be read/u],
    [{ kind: "large", path, bytes: 70_000 }, /68\.4 KiB, too much to compare/u],
    [{ kind: "binary", path, digest, bytes: 12 }, /no text and has 12 B/u],
  ])("is said plainly of %o", (found, words) => {
    expect(show({ path, content: "x" }, found).join(" ")).toMatch(words);
  });

  test("is cut when it is long, and says so", () => {
    const rows = over("", "x\n".repeat(150));
    expect(rows.filter((row) => row.startsWith("  + │"))).toHaveLength(80);
    expect(rows.join("\n")).toContain("70 more rows of changes are left out here; the arguments above are in full.");
  });

  test("is nothing that is known, of other arguments", () => {
    for (const args of [{ path, content: 1 }, { path, content: "x", append: true }, { path, edits: [] }, { path }])
      expect(show(args as JsonObject, { kind: "nothing", path })).toEqual([]);
  });

  test("attack: what lies in the file draws no row of ours and moves no cursor", () => {
    const rows = over("a\n  + │ safe\u001b[2J\r\u202e\n", "a\n");
    expect(rows.slice(3, 5)).toEqual(["    │ a", "  - │   + ‹U+2502› safe‹U+001B›[2J‹U+000D›‹U+202E›"]);
  });
});
