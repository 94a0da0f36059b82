import * as fc from "fast-check";
import { expect, it } from "vitest";
import { utf8Length } from "./utf8.ts";

it("counts the bytes that an encoder writes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text));
    }),
  );
  expect(utf8Length("aé漢🎉")).toBe(1 + 2 + 3 + 4);
});
