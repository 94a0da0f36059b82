import { describe, expect, test } from "vitest";
import { readYaml } from "./yaml.ts";

function refusalOf(text: string): string {
  try {
    readYaml(text, "f.yaml");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "not refused";
}

test("plain YAML is read as JSON", () => {
  const text =
    'id: notes\nagents: [claude, "codex"]\nlimits:\n  uses: 5\n  rate: 0.5\n  on: yes\nlease: false\nnone: ~\n';
  expect(readYaml(text, "f.yaml")).toEqual({
    id: "notes",
    agents: ["claude", "codex"],
    limits: { uses: 5, rate: 0.5, on: "yes" },
    lease: false,
    none: null,
  });
});

test("YAML 1.1 surprises are text: no, on, 012, 1_000", () => {
  expect(readYaml("a: no\nb: on\nc: 1_000\nd: 2026-11-22\n", "f")).toEqual({
    a: "no",
    b: "on",
    c: "1_000",
    d: "2026-11-22",
  });
});

test("a key named __proto__ is a field like any other", () => {
  const value = readYaml("__proto__: {admin: true}\n", "f");
  expect(Object.keys(value ?? {})).toEqual(["__proto__"]);
  expect(Object.hasOwn({}, "admin")).toBe(false);
});

describe("what stands for something written elsewhere is refused, with its line", () => {
  test.each([
    ["an anchor", "a: 1\nb: &x 2\n", "Cannot read f.yaml: the anchor &x is not allowed at line 2"],
    ["an alias", "a: &x 1\nb: *x\n", "Cannot read f.yaml: the anchor &x is not allowed at line 1"],
    ["a merge key", "a: &x {b: 1}\n<<: *x\n", "Cannot read f.yaml: the anchor &x is not allowed at line 1"],
    ["a tag", "a: !!str 1\n", "Cannot read f.yaml: the tag tag:yaml.org,2002:str is not allowed at line 1"],
    ["a number as a key", "1: a\n", "Cannot read f.yaml: the key 1 is not text; put it in quotes at line 1"],
    ["infinity", "a: .inf\n", "Cannot read f.yaml: the number .inf is outside the safe range at line 1"],
    ["no number", "a: .nan\n", "Cannot read f.yaml: the number .nan is outside the safe range at line 1"],
    [
      "a long integer",
      "a: 9007199254740993\n",
      "Cannot read f.yaml: the number 9007199254740993 is outside the safe range at line 1",
    ],
    ["minus zero", "a: -0\n", "Cannot read f.yaml: the number -0 is outside the safe range at line 1"],
    [
      "half a character",
      'a: "\\ud800"\n',
      "Cannot read f.yaml: a text holds half a character (a lone surrogate) at line 1",
    ],
    ["nothing", "", "Cannot read f.yaml: it is empty"],
  ])("%s", (_name, text, message) => {
    expect(refusalOf(text)).toBe(message);
  });

  test.each([
    ["a key twice", "a: 1\na: 2\n"],
    ["an unknown tag", "a: !evil 1\n"],
    ["two documents", "a: 1\n---\nb: 2\n"],
    ["a list as a key", "[a]: 1\n"],
    ["broken text", "a: [1\n"],
    ["a tab as indentation", "a:\n\tb: 1\n"],
    ["an alias without an anchor", "a: *x\n"],
    ["deep nesting", `${"[".repeat(40)}${"]".repeat(40)}\n`],
  ])("%s", (_name, text) => {
    expect(refusalOf(text)).toMatch(/^Cannot read /u);
  });
});

describe("whatever its shape, a text that means no document is one refusal", () => {
  /** Far more than a stack has room for. */
  const LONG = 16 * 1024;
  const list = (count: number, each: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => each(at)).join("\n");
  const laughs = list(
    9,
    (at) => `${"abcdefghi"[at]}: &${"abcdefghi"[at]} [${at === 0 ? "x" : `*${"abcdefghi"[at - 1]},`.repeat(9)}]`,
  );
  const deeper = /^Cannot read f\.yaml: it is nested deeper than 16 at line 1$/u;
  test.each([
    ["aliases of aliases", laughs, /the anchor &a is not allowed/u],
    ["lists in lists", "[".repeat(LONG), deeper],
    ["maps in maps", "{a: ".repeat(LONG / 4), deeper],
    ["items of items", "- ".repeat(LONG / 2), deeper],
    ["keys of keys", "? ".repeat(LONG / 2), deeper],
    ["a field in a field", list(500, (at) => `${" ".repeat(at)}a:`), /nested deeper than 16$/u],
    ["one field again and again", "a: 1\n".repeat(LONG / 5), /the key a is there twice at line 2$/u],
    ["directives", "%A\n".repeat(LONG / 3), /Missing directives-end indicator line at line \d+, column 1$/u],
  ])("%s", (_, text, says) => {
    expect(refusalOf(text)).toMatch(says);
  });
});
