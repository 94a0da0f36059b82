import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { quoteEntity, quotePrefix, quoteString } from "./cedar-text.ts";

function conditionOf(text: string): unknown {
  const read = cedar.policyToJson(`forbid(principal, action, resource) when { ${text} };`);
  if (read.type === "failure") throw new Error(read.errors[0]?.message);
  return read.json.conditions[0]?.body;
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom('"', "\\", "*", "\n", "u", "{", "}") }),
);

test("Cedar reads a quoted text as the text", () => {
  fc.assert(
    fc.property(text, (value) => {
      expect(conditionOf(quoteString(value))).toEqual({ Value: value });
    }),
  );
});

test("Cedar reads a quoted prefix as the prefix and anything", () => {
  fc.assert(
    fc.property(text, (value) => {
      const read = conditionOf(`context.a like ${quotePrefix(value)}`);
      const literals = Array.from(value, (point) => ({ Literal: point }));
      expect(read).toMatchObject({ like: { pattern: [...literals, "Wildcard"] } });
    }),
  );
});

test("what is not plain ASCII is escaped", () => {
  expect(quoteString('a"\\*\n\u202e\u{1f600}')).toBe('"a\\"\\\\*\\u{a}\\u{202e}\\u{1f600}"');
  expect(quotePrefix("a*\\")).toBe('"a\\*\\\\*"');
  expect(quoteEntity("Agent", 'x"')).toBe('Agent::"x\\""');
});

test("a lone surrogate has no text", () => {
  expect(() => quoteString("\ud800")).toThrow(RangeError);
});
