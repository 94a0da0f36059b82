import * as fc from "fast-check";
import JSON5 from "json5";
import { describe, expect, test } from "vitest";
import { EditRefused, putJson } from "./json-edit.ts";

const FACE = { aios: { command: "aios" } };

describe("putting a value into a JSON text", () => {
  test("leaves comments, commas, quotes, blanks and every other value as they are", () => {
    const text = `// mine\r\n{\r\n\t'theme': "dark", /* "mcp": {} */\r\n\t"mcp": {\r\n\t\t// a key\r\n\t\t"a": { "k": "}" },\r\n\t},\r\n\tlast: [1e3, +.5,],\r\n}\r\n`;
    expect(putJson(text, ["mcp"], FACE)).toBe(
      `// mine\r\n{\r\n\t'theme': "dark", /* "mcp": {} */\r\n\t"mcp": {\r\n\t\t"aios": {\r\n\t\t\t"command": "aios"\r\n\t\t}\r\n\t},\r\n\tlast: [1e3, +.5,],\r\n}\r\n`,
    );
  });

  test("comes first where there is none, in the indentation of the text", () => {
    expect(putJson('{\n    "a": 1 // one\n}', ["mcp"], {})).toBe('{\n    "mcp": {},\n    "a": 1 // one\n}');
    expect(putJson("{}", ["mcp"], {})).toBe('{\n  "mcp": {}\n}');
    expect(putJson("{ // nothing\n}", ["mcp"], {})).toBe('{\n  "mcp": {}\n // nothing\n}');
    expect(JSON5.parse(putJson("\uFEFF{ // nothing\n}", ["mcp"], {}).slice(1))).toEqual({ mcp: {} });
  });

  test("finds names as they are written in every form, and not those in texts, comments or other tables", () => {
    const texts = [
      String.raw`{"x": "\"mcp\": {", "\u006dcp": {"old": 1}}`,
      "{'mcp': {old: 1}}",
      "{mcp: {old: 1}}",
      '{"deep": {"mcp": 1}, /* "mcp": 2 */ "mcp": {"old": 1}}',
    ];
    for (const text of texts) {
      const put = JSON5.parse<{ mcp: unknown; deep?: unknown }>(putJson(text, ["mcp"], FACE));
      expect(put.mcp).toEqual(FACE);
      expect(put.deep).toEqual(JSON5.parse<{ deep?: unknown }>(text).deep);
    }
  });

  test.each([
    ['{"mcp": {}, "mcp": {}}', "it names mcp twice"],
    ["[]", "it has no table for mcp"],
    ['{"mcp": {', "it is not JSON"],
    ['{"mcp" 1}', "it is not JSON"],
    ['{"mcp": "', "it is not JSON"],
    ["", "it has no table for mcp"],
  ])("refuses %s", (text, why) => {
    expect(() => putJson(text, ["mcp"], FACE)).toThrow(new EditRefused(why));
  });

  test("changes one value of any document, at any indentation, and no other", () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string(),
          fc.json().map((text) => JSON.parse(text) as unknown),
        ),
        fc.constantFrom(undefined, 1, 2, "\t"),
        (table, space) => {
          const put = JSON.parse(putJson(JSON.stringify(table, null, space), ["mcp"], FACE)) as unknown;
          // fromEntries defines own properties, so that `__proto__` is a name like any other.
          expect(put).toEqual(Object.fromEntries([...Object.entries(table), ["mcp", FACE]]));
        },
      ),
      { numRuns: 300 },
    );
  });
});
