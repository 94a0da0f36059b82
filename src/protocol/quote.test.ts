import * as fc from "fast-check";
import { expect, it } from "vitest";
import { quote } from "./quote.ts";

it("leaves plain text as it is", () => {
  expect(quote("files/read_text_file")).toBe('"files/read_text_file"');
});

it("escapes what could draw, hide or reorder", () => {
  expect(quote("\u001b[2Jok")).toBe('"\\u001b[2Jok"');
  expect(quote("a\u202eb\u200bc\r\n")).toBe('"a\\u202eb\\u200bc\\u000d\\u000a"');
  expect(quote('say "x"\\')).toBe('"say \\"x\\"\\\\"');
  expect(quote("\u{e0041}")).toBe('"\\udb40\\udc41"');
});

it("cuts and says so", () => {
  expect(quote("abcdef", 3)).toBe('"abc…"');
});

it("gives printable ASCII for every text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(quote(text)).toMatch(/^"[ -~]*…?"$/);
    }),
  );
});
