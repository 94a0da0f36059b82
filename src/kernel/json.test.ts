import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonValue } from "../../test/fakes/json-values.ts";
import { deepFreeze, DEFAULT_BOUNDS, parseJson, type JsonValue } from "./json.ts";

function value(text: string): JsonValue {
  const parsed = parseJson(text);
  if (parsed.kind !== "ok") throw new Error(parsed.message);
  return parsed.value;
}

function refusal(text: string, bounds = DEFAULT_BOUNDS): string {
  const parsed = parseJson(text, bounds);
  return parsed.kind === "refused" ? `${parsed.code} at ${parsed.at}` : `ok ${JSON.stringify(parsed.value)}`;
}

describe("parseJson", () => {
  it("takes what JSON.stringify writes, to an equal value, spaced or not", () => {
    fc.assert(
      fc.property(jsonValue, fc.constantFrom(undefined, 1, "\t"), (each, space) => {
        const written = JSON.stringify(each, null, space);
        expect(JSON.stringify(value(written))).toBe(JSON.stringify(each));
      }),
    );
  });

  it("agrees with JSON.parse on every text that it takes", () => {
    const piece = fc.constantFrom(
      ...'{}[]:,"\\ \n-+.eE0123789truefalsn/u\u0000\ud800'.split(""),
      "null",
      "true",
      '"a"',
      "1.5",
      "\\u0041",
    );
    const near = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(near, (each) => {
        const parsed = parseJson(each);
        if (parsed.kind === "ok") expect(JSON.stringify(parsed.value)).toBe(JSON.stringify(JSON.parse(each)));
      }),
      { numRuns: 3000 },
    );
  });

  it("refuses an equal key, however it is written", () => {
    expect(refusal('{"a":1,"b":2}')).toBe('ok {"a":1,"b":2}');
    expect(refusal('{"a":1,"a":2}')).toBe("malformed at 7");
    expect(refusal('{"a":1,"\\u0061":2}')).toBe("malformed at 7");
    expect(refusal('{"x":{"a":1,"a":1}}')).toBe("malformed at 12");
    expect(refusal('{"__proto__":1,"__proto__":2}')).toBe("malformed at 15");
  });

  it("makes objects without a prototype, in which __proto__ is a key like any other", () => {
    const parsed = value('{"__proto__":{"polluted":true},"constructor":1,"toString":2,"a":{}}');
    expect(Object.getPrototypeOf(parsed)).toBeNull();
    expect(Object.keys(parsed ?? {})).toEqual(["__proto__", "constructor", "toString", "a"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(value('[{"a":{}}]'))).toBe(Array.prototype);
  });

  it("refuses lone surrogates, raw and escaped, in values and keys", () => {
    expect(value('"\\ud83c\\udf89"')).toBe("🎉");
    expect(value('"🎉"')).toBe("🎉");
    for (const each of [
      '"\\ud83c"',
      '"\\udf89\\ud83c"',
      '"\ud83c"',
      '"\ud83c\\udf89"',
      '{"\\ud800":1}',
      '"\\ud83ca"',
    ]) {
      expect(refusal(each)).toMatch(/^malformed/);
    }
  });

  it("refuses numbers that a double does not keep, and takes the others", () => {
    for (const [written, number] of [
      ["0", 0],
      ["-1", -1],
      ["9007199254740991", Number.MAX_SAFE_INTEGER],
      ["-9007199254740991", Number.MIN_SAFE_INTEGER],
      ["0.1", 0.1],
      ["0.10", 0.1],
      ["1.0", 1],
      ["1e2", 100],
      ["1.5E-3", 0.0015],
      ["12345678.125", 12345678.125],
      ["5e-324", 5e-324],
      ["0.30000000000000004", 0.30000000000000004],
    ] as const) {
      expect(value(written), written).toBe(number);
    }
    for (const written of [
      "9007199254740992",
      "-9007199254740992",
      "9007199254740993",
      "1e21",
      "1e400",
      "-1e400",
      "1e-400",
      "-0",
      "-0.0",
      "-0e5",
      "0.1000000000000000055",
      "0.3000000000000000444",
      "123456789012345678.5",
      "100000000000000000000000",
    ]) {
      expect(refusal(written), written).toMatch(/^malformed/);
    }
  });

  it("refuses what is nearly JSON", () => {
    for (const written of [
      "",
      " ",
      "\ufeff{}",
      "{} {}",
      "{}x",
      "01",
      "-",
      "+1",
      ".5",
      "1.",
      "1e",
      "0x10",
      "NaN",
      "Infinity",
      "undefined",
      "nul",
      "True",
      "'a'",
      '"a',
      '"\\"',
      '"\\x41"',
      '"\\u00g0"',
      '"\\u12"',
      '"a\nb"',
      '"\\n\n"',
      '"\u0000"',
      "[1,]",
      "[,1]",
      "[1 2]",
      "[1",
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      "{a:1}",
      '{"a":1',
      "/**/1",
      "\u00a01",
      "\v1",
    ]) {
      expect(refusal(written), JSON.stringify(written)).toMatch(/^malformed/);
    }
  });

  it("names the offset and shows no more of a hostile text than it must", () => {
    const parsed = parseJson(`{"${"k".repeat(500)}":1,"${"k".repeat(500)}":1}`);
    expect(parsed).toMatchObject({ kind: "refused", code: "malformed", at: 506 });
    expect(parsed.kind === "refused" && parsed.message.length).toBeLessThan(150);
  });

  it("holds to its bounds at, and not one before, the bound", () => {
    const bounds = { maxLength: 20, maxDepth: 3, maxValues: 4 };
    expect(refusal('"123456789012345678"', bounds)).toBe('ok "123456789012345678"');
    expect(refusal('"1234567890123456789"', bounds)).toBe("too-large at 20");
    expect(refusal("[[[]]]", bounds)).toBe("ok [[[]]]");
    expect(refusal("[[[[]]]]", bounds)).toBe("too-large at 3");
    expect(refusal('{"a":{"a":{}}}', bounds)).toMatch(/^ok/);
    expect(refusal('[{"a":[[]]}]', bounds)).toBe("too-large at 7");
    expect(refusal("[1,2,3]", bounds)).toBe("ok [1,2,3]");
    expect(refusal("[1,2,3,4]", bounds)).toBe("too-large at 7");
  });

  it("refuses a million brackets without running out of stack", () => {
    expect(refusal("[".repeat(1_000_000))).toBe("too-large at 32");
    expect(refusal('{"a":'.repeat(200_000))).toBe("too-large at 160");
  });
});

describe("deepFreeze", () => {
  it("freezes a tree to its leaves", () => {
    const tree = deepFreeze({ a: [{ b: 1 }], c: "d" });
    expect(() => Object.assign(tree.a[0] ?? {}, { b: 2 })).toThrow(TypeError);
    expect(tree.a[0]?.b).toBe(1);
  });
});
