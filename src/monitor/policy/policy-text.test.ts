import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hasNoRules, lineOfOffset, splitPolicyText } from "./policy-text.ts";

const piece = fc.constantFrom(
  "forbid(principal, action, resource);",
  'forbid(principal, action, resource) when { "; // \\" ;" == "\\\\" };',
  '@id("a;b") forbid(principal, action, resource) unless { context["//;"] };',
  "// ; forbid(principal, action, resource);\n",
  '// "\n',
  "\n",
  "\r\n",
  " ",
  "\t",
  'forbid(principal == Agent::"é\u{1f600};", action, resource);',
);

test("cuts a text into the rules that Cedar finds in it", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      const split = splitPolicyText(text);
      const parts = cedar.policySetTextToParts(text);
      if (split.kind === "refused" || parts.type === "failure") throw new Error("refused");
      expect(split.rules).toHaveLength(parts.policies.length);
      expect(text.startsWith(split.rules.map((rule) => rule.text).join(""))).toBe(true);
      for (const rule of split.rules) expect(cedar.policyToJson(rule.text).type).toBe("success");
      expect(hasNoRules(text)).toBe(parts.policies.length === 0);
    }),
  );
});

test("knows the line of a byte offset after letters of several bytes", () => {
  const split = splitPolicyText('// é\nforbid(principal,\n action, resource) when { "é\u{1f600}" ==\n 1 };');
  if (split.kind === "refused") throw new Error("refused");
  const [rule] = split.rules;
  if (rule === undefined) throw new Error("no rule");
  const bytes = new TextEncoder().encode(rule.text);
  expect(lineOfOffset(rule, bytes.lastIndexOf(0x31))).toBe(4);
  expect(lineOfOffset(rule, 0)).toBe(1);
});

test.each([
  ["a windows line end", "forbid(principal, action, resource);\r\n", "rules"],
  ["a carriage return alone", "forbid(principal, action, resource);\r", "refused"],
  ["a null", "// \0\n", "refused"],
  ["a soft hyphen", "// \u00ad\n", "refused"],
  ["a line separator", "// \u2028\n", "refused"],
  ["letters of any language", "// žluťoučký 猫\n", "rules"],
])("with %s", (_, text, kind) => {
  expect(splitPolicyText(text).kind).toBe(kind);
});
