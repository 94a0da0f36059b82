import { expect, test } from "vitest";
import { committedText, SALT, secretProblem } from "./commitment.ts";

test("the committed text is canonical, so that two who have salt and value get one digest", () => {
  expect(committedText({ salt: "00", value: 'a"b' })).toBe('{"salt":"00","secret":1,"value":"a\\"b"}');
});

test.each([
  "short",
  "x".repeat(8193),
  "with\nline break",
  " begins with a space",
  "ends with one ",
  "umlauts: äöü",
  "nul\0nul-nul",
])("%j is no value, and the reason holds nothing of it", (value) => {
  const problem = secretProblem(value);
  expect(problem).not.toBeNull();
  expect(problem).not.toContain(value);
});

test.each(["12345678", "two words of it", "x".repeat(8192), `sk-ant-${"a0+/=".repeat(10)}`])("%j is one", (value) =>
  expect(secretProblem(value)).toBeNull(),
);

test("a salt is 32 bytes in lower-case hex", () => {
  expect(SALT.test("0".repeat(64))).toBe(true);
  expect(SALT.test("0".repeat(63))).toBe(false);
});
