import reference from "canonicalize";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonValue } from "../../test/fakes/json-values.ts";
import { canonicalize } from "./canonical.ts";
import { KernelFault } from "./fault.ts";
import { parseJson, type JsonValue } from "./json.ts";

/** Hands over what the type forbids, as a cast or plain JavaScript could. */
function asJson(value: unknown): JsonValue {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a lie on purpose
  return value as JsonValue;
}

describe("canonicalize", () => {
  it("writes what the reference implementation of RFC 8785 writes", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(canonicalize(value)).toBe(reference(value));
      }),
    );
  });

  it("is undone by parseJson, and one value has one text", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const text = canonicalize(value);
        const parsed = parseJson(text);
        expect(parsed.kind).toBe("ok");
        if (parsed.kind === "ok") expect(canonicalize(parsed.value)).toBe(text);
      }),
    );
  });

  it("does not depend on the order in which keys were added", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).toReversed());
        expect(canonicalize(reversed)).toBe(canonicalize(object));
      }),
    );
  });

  it("writes the examples of RFC 8785", () => {
    const parsed = parseJson(
      String.raw`{"numbers":[333333333.33333329,4.50,2e-3,0.000000000000000000000000001],
      "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`.replace(
        "333333333.33333329",
        "333333333.3333333",
      ),
    );
    expect(parsed.kind === "ok" && canonicalize(parsed.value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
    expect(canonicalize(keys)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  it("throws on what is no JSON value instead of writing something that parses to another", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -0,
      2 ** 53,
      1e21,
      10n,
      Symbol("s"),
      () => 1,
      "\ud800",
      { "\udc00": 1 },
      { a: undefined },
      { [Symbol("s")]: 1 },
      // oxlint-disable-next-line no-sparse-arrays -- a hole is the point
      [1, , 2],
      new Date(0),
      new Map(),
      Object.create({ inherited: 1 }),
      cycle,
    ]) {
      expect(() => canonicalize(asJson(value))).toThrow(KernelFault);
      expect(() => canonicalize(asJson({ inside: [value] }))).toThrow(KernelFault);
    }
  });

  it("writes own keys only and calls no toJSON", () => {
    const object: { [key: string]: JsonValue } = Object.create(null);
    object["__proto__"] = 1;
    expect(canonicalize(object)).toBe('{"__proto__":1}');
    expect(() => canonicalize(asJson({ toJSON: () => "other" }))).toThrow(KernelFault);
  });
});
