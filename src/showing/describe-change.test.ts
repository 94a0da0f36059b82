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

  test("is said to be unknown, of other arguments", () => {
    const unknown = ["", "! What this changes in the workspace is not known; a yes is bound to no file."];
    for (const args of [{ path }, { path: [path], content: "x" }, { path, text: "x" }])
      expect(show(args, { kind: "unknown" })).toEqual(unknown);
    expect(show({ path: "/etc/passwd", content: "x" }, { kind: "unknown" })).toEqual(unknown);
  });

  const text: FoundFile = { kind: "text", path, digest, text: "one\n" };

  test.each<[JsonObject, RegExp]>([
    [{ note: "a" }, /It has a further argument, above: the change is shown without/u],
    [{ dryRun: true, append: true }, /It has 2 further arguments, above/u],
    [{ Content: "y" }, /1 of its arguments can be taken for the path or the text by name/u],
    [{ file_path: "/workspace/b", "p\u0430th": "/workspace/b" }, /2 of its arguments can be taken/u],
    [{ edits: [] }, /edits cannot be read as edits.*both content and edits/u],
    [
      { edits: [{ oldText: "one", newText: "1", old_text: "x" }] },
      /both content and edits.*By its content:.*By its edits:/u,
    ],
  ])("attack: an argument more takes no diff away and is said: %o", (more, words) => {
    const rows = show({ path, content: "two\n", ...more }, text);
    expect(rows.join(" ")).toMatch(words);
    expect(rows).toEqual(expect.arrayContaining(["  - │ one", "  + │ two", ...BOUND]));
  });

  test("attack: content or edits of another type are said so, and a yes is bound all the same", () => {
    for (const args of [
      { path, content: 1 },
      { path, edits: [] },
      { path, edits: [{ oldText: "one" }] },
    ] as const) {
      const rows = show(args, text);
      expect(rows.join(" ")).toMatch(/cannot be read as (?:text|edits): what the tool makes of that is not known/u);
      expect(rows).toEqual(expect.arrayContaining(BOUND));
    }
  });

  test("attack: what lies in the file draws no row of ours and moves no cursor", () => {
    const rows = over("a\n  + │ safe\u001b[2J\r\u202e\n", "a\n");
    expect(rows.slice(3, 5)).toEqual(["    │ a", "  - │   + ‹U+2502› safe‹U+001B›[2J‹U+000D›‹U+202E›"]);
  });
});
