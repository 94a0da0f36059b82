import { describe, expect, test } from "vitest";
import type { JsonObject } from "../kernel/json.ts";
import { decode } from "../protocol/decode.ts";
import { visibleLine } from "../protocol/fields.ts";
import { ABOUT_COLUMNS } from "../protocol/held-view.ts";
import { aboutAction } from "./about-action.ts";
import { measureText } from "./width.ts";

const about = (args: JsonObject, [driver, name]: readonly [string, string] = ["files", "write_file"]): string =>
  aboutAction({
    v: 1,
    request: "0".repeat(32),
    agent: "writer",
    instance: "i-0123456789abcdef",
    verb: "call",
    driver,
    name,
    arguments: args,
  });

describe("what an action is about", () => {
  test("is the file and what is written into it, the file first", () => {
    expect(about({ content: "hello", path: "/workspace/a.txt" })).toBe(`path: "/workspace/a.txt", content: "hello"`);
  });

  test("is the method and the address of a request, and the host of a tunnel", () => {
    const request = {
      scheme: "https",
      host: "api.example",
      port: 443,
      method: "POST",
      path: "/v1/things",
      target: "/v1/things?dry=1",
      headers: [],
      body: { kind: "none" },
      upgrade: false,
    };
    expect(about(request, ["net", "send"])).toBe("POST https://api.example/v1/things?dry=1");
    expect(about({ host: "db.example", port: 5432 }, ["net", "connect"])).toContain("db.example:5432");
  });

  test("is nothing where there are no arguments", () => {
    expect(about({})).toBe("");
  });

  test("has the two ends of a long path, and what comes after it", () => {
    const path = `/workspace/${"deep/".repeat(40)}name.txt`;
    expect(about({ path })).toMatch(/^path: "\/workspace\/deep.*….*\/name\.txt"$/u);
    expect(about({ path, content: "x" })).toMatch(/^path: "\/workspace.*….*name\.txt", content: "x"$/u);
  });
});

describe("attack: arguments that would look like others in a list", () => {
  test.each([
    [
      "a value that plays the next argument",
      { path: `/a", content: "nice`, content: "bad" },
      String.raw`/a\", content`,
    ],
    ["a value that plays what is left out", { path: "/work…name" }, "‹U+2026›"],
    ["a path that runs backwards", { path: "/workspace/\u202etxt.exe" }, "‹U+202E›"],
    ["a newline", { path: "/workspace/a\n/workspace/b" }, String.raw`a\n/workspace/b`],
    ["a name that is drawn as nothing", { "\u200bpath": "x" }, "‹U+200B›path"],
    ["a name that plays several", { [`path: "/a", note`]: "x" }, String.raw`"path: \"/a\", note": "x"`],
  ])("%s is seen as it is", (_, args, seen) => {
    expect(about(args)).toContain(seen);
  });

  test("is one bounded line that screens take, whatever is in it", () => {
    const hostile = ["\u001b[2J", "\u202e", "e\u0301\u0301\u0301", "𝒜", "漢", "\n", `"`, "a"];
    for (const piece of hostile) {
      const args = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`${piece}${at}`, piece.repeat(5000)]));
      for (const each of [args, { path: piece.repeat(5000) }, { [piece.repeat(5000)]: 1 }]) {
        const line = about(each);
        expect(decode(visibleLine, line)).toEqual({ kind: "ok", value: line });
        expect(measureText(line)).toBeLessThanOrEqual(ABOUT_COLUMNS);
      }
    }
    expect(decode(visibleLine, "\u001b[2J").kind).toBe("refused");
  });
});
