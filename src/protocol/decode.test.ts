import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import {
  boolean,
  decode,
  integer,
  json,
  jsonObject,
  list,
  literal,
  names,
  nullable,
  number,
  object,
  oneOf,
  record,
  refine,
  scalar,
  sole,
  text,
  union,
} from "./decode.ts";
import type { Decoded, Decoder } from "./decode.ts";

const name = text({ min: 1, max: 8, pattern: /^[a-z]+$/ });

function refusal<T>(decoder: Decoder<T>, value: JsonValue): string {
  const result = decode(decoder, value);
  return result.kind === "refused" ? `${result.path}: ${result.message}` : "accepted";
}

describe("object", () => {
  const point = object({ x: integer({ min: 0, max: 9 }), label: nullable(name) });

  it("gives the fields with their types", () => {
    expect(decode(point, { x: 1, label: null })).toEqual({ kind: "ok", value: { x: 1, label: null } });
    expectTypeOf<Decoded<typeof point>>().toEqualTypeOf<{ x: number; label: string | null }>();
  });

  it("refuses an unknown field, an absent one and what is no object, naming the path", () => {
    expect(refusal(point, { x: 1, label: null, y: 2 })).toBe("/y: is not a known field");
    expect(refusal(point, { x: 1 })).toBe("/label: is missing");
    expect(refusal(point, [])).toBe(": expected an object, found a list");
    expect(refusal(point, null)).toBe(": expected an object, found null");
    expect(refusal(point, { x: "1", label: null })).toBe(
      "/x: expected a whole number from 0 to 9, found text of 1 characters",
    );
  });

  it("does not take a field from a prototype, and refuses __proto__ as a field", () => {
    const inherited: { [key: string]: JsonValue } = Object.create({ x: 1, label: null });
    expect(refusal(point, inherited)).toBe("/x: is missing");
    expect(refusal(point, JSON.parse('{"x":1,"label":null,"__proto__":{}}'))).toBe("/__proto__: is not a known field");
    expect(refusal(point, JSON.parse('{"x":1,"label":null,"constructor":{}}'))).toBe(
      "/constructor: is not a known field",
    );
  });

  it("gives a fresh value, so that the input can no longer change it", () => {
    const input = { x: 1, label: null };
    const result = decode(point, input);
    input.x = 7;
    expect(result).toEqual({ kind: "ok", value: { x: 1, label: null } });
  });

  it("fills in defaults for absent fields only", () => {
    const short = object<{ x: number; deep: boolean }>({ x: number(), deep: boolean() }, { defaults: { deep: false } });
    expect(decode(short, { x: 1 })).toEqual({ kind: "ok", value: { x: 1, deep: false } });
    expect(decode(short, { x: 1, deep: true })).toEqual({ kind: "ok", value: { x: 1, deep: true } });
    expect(refusal(short, { deep: true })).toBe("/x: is missing");
    expect(refusal(short, { x: 1, deep: null })).toBe("/deep: expected true or false, found null");
    expect(refusal(short, { x: 1, dep: true })).toBe("/dep: is not a known field");
  });
});

describe("record", () => {
  const counts = record(integer({ min: 0, max: 9 }), { key: /^[a-z_]{1,16}$/, max: 2 });

  it("maps names to values, without a prototype to look things up in", () => {
    const result = decode(counts, { a: 1, b: 2 });
    expect(result).toEqual({ kind: "ok", value: { a: 1, b: 2 } });
    if (result.kind === "ok") expect(result.value["constructor"]).toBeUndefined();
  });

  it("keeps __proto__ as a plain name where the pattern allows it", () => {
    const result = decode(counts, JSON.parse('{"__proto__":3}'));
    expect(result.kind === "ok" && Object.entries(result.value)).toEqual([["__proto__", 3]]);
    expect({}).not.toHaveProperty("3");
  });

  it("refuses other names, too many and wrong values", () => {
    expect(refusal(counts, { A: 1 })).toBe("/A: is not a name of the form ^[a-z_]{1,16}$");
    expect(refusal(counts, { a: 1, b: 2, c: 3 })).toBe(": expected at most 2 entries, found 3");
    expect(refusal(counts, { a: 10 })).toBe("/a: expected a whole number from 0 to 9, found 10");
  });
});

describe("list", () => {
  it("bounds its length and names the item that is refused", () => {
    const short = list(name, { min: 1, max: 2 });
    expect(decode(short, ["a", "b"])).toEqual({ kind: "ok", value: ["a", "b"] });
    expect(refusal(short, [])).toBe(": expected 1 to 2 items, found 0");
    expect(refusal(short, ["a", "b", "c"])).toBe(": expected 1 to 2 items, found 3");
    expect(refusal(short, ["a", 1])).toBe("/1: expected text of the form ^[a-z]+$, found 1");
    expect(refusal(short, { 0: "a", length: 1 })).toBe(": expected a list, found an object");
  });

  it("refuses repetition where names must be unique", () => {
    expect(refusal(names(name, { max: 3 }), ["a", "b", "a"])).toBe('/2: occurs twice: "a"');
    expect(decode(list(name, { max: 3 }), ["a", "a"]).kind).toBe("ok");
  });
});

describe("text", () => {
  it("matches the whole text", () => {
    expect(decode(name, "abc").kind).toBe("ok");
    for (const value of ["", "aB", "abc\n", "\nabc", "abcdefghi", 1, null, ["a"]]) {
      expect(decode(name, value).kind).toBe("refused");
    }
  });

  it("does not repeat the refused text, which may be a secret", () => {
    expect(refusal(name, "hunter2!")).toBe(": expected text of the form ^[a-z]+$, found text of 8 characters");
  });

  it("cannot be built with a pattern that is not anchored or keeps a state", () => {
    for (const pattern of [/a/, /^a/, /a$/, /^a$/g, /^a$/y, /^a$/m]) {
      expect(() => text({ max: 1, pattern })).toThrow(TypeError);
    }
  });
});

describe("numbers", () => {
  it("takes whole numbers within the bounds", () => {
    const few = integer({ min: 0, max: 3 });
    expect(decode(few, 3)).toEqual({ kind: "ok", value: 3 });
    for (const value of [-1, 4, 0.5, -0, Number.NaN, Infinity, 2 ** 53, "1", true, null]) {
      expect(decode(few, value).kind).toBe("refused");
    }
  });

  it("takes finite numbers", () => {
    expect(decode(number(), 0.5).kind).toBe("ok");
    for (const value of [-0, Number.NaN, -Infinity, "1"]) expect(decode(number(), value).kind).toBe("refused");
  });
});

describe("words", () => {
  it("takes the listed words and no inherited ones", () => {
    const risk = oneOf(["observe", "reach"]);
    expect(decode(risk, "reach")).toEqual({ kind: "ok", value: "reach" });
    expect(refusal(risk, "obsrve")).toBe(': expected one of observe, reach, found "obsrve"');
    for (const value of ["constructor", "Reach", "reach ", null, 0]) expect(decode(risk, value).kind).toBe("refused");
  });

  it("takes exactly the literal", () => {
    expect(decode(literal(1), 1).kind).toBe("ok");
    expect(refusal(literal(1), "1")).toBe(': expected 1, found "1"');
    expect(refusal(literal("a"), true)).toBe(': expected "a", found true');
  });
});

describe("unions", () => {
  type Shape = { kind: "dot" } | { kind: "line"; to: number };
  const shape = union<Shape, "kind">("kind", {
    dot: object<Shape & { kind: "dot" }>({ kind: literal("dot") }),
    line: object<Shape & { kind: "line" }>({ kind: literal("line"), to: number() }),
  });

  it("reads the variant that the tag names", () => {
    expect(decode(shape, { kind: "dot" })).toEqual({ kind: "ok", value: { kind: "dot" } });
    expect(decode(shape, { kind: "line", to: 2 })).toEqual({ kind: "ok", value: { kind: "line", to: 2 } });
  });

  it("refuses a field of another variant, an unknown tag and none", () => {
    expect(refusal(shape, { kind: "dot", to: 2 })).toBe("/to: is not a known field");
    expect(refusal(shape, { kind: "toString" })).toBe('/kind: expected one of dot, line, found "toString"');
    expect(refusal(shape, {})).toBe("/kind: is missing");
    expect(refusal(shape, Object.create({ kind: "dot" }))).toBe("/kind: is missing");
  });

  it("reads an object with one of several single fields", () => {
    const condition = sole<{ equals: string | number | boolean } | { max: number }>({
      equals: scalar({ max: 4 }),
      max: number(),
    });
    expect(decode(condition, { max: 2 })).toEqual({ kind: "ok", value: { max: 2 } });
    expect(decode(condition, { equals: false })).toEqual({ kind: "ok", value: { equals: false } });
    expect(refusal(condition, { max: 2, equals: "a" })).toBe(": expected exactly one field of equals, max");
    expect(refusal(condition, {})).toBe(": expected exactly one field of equals, max");
    expect(refusal(condition, { min: 2 })).toBe(": expected exactly one field of equals, max");
    expect(refusal(condition, { equals: null })).toBe("/equals: expected text, a number, true or false, found null");
    expect(decode(condition, { equals: "abcde" }).kind).toBe("refused");
  });
});

it("adds a condition of its own", () => {
  const even = refine(integer({ min: 0, max: 9 }), (value) => (value % 2 === 0 ? null : "must be even"));
  expect(decode(even, 4).kind).toBe("ok");
  expect(refusal(even, 5)).toBe(": must be even");
  expect(refusal(even, 10)).toBe(": expected a whole number from 0 to 9, found 10");
});

it("names the whole path as a JSON pointer, with hostile names cut and escaped", () => {
  const deep = object({ a: list(record(name, { key: /^[^]*$/, max: 9 }), { max: 9 }) });
  expect(refusal(deep, { a: [{}, { "x/~": 1 }] })).toMatch(/^\/a\/1\/x~1~0: /);
  expect(refusal(deep, { a: [{ "\u001b[2J\u202e": 1 }] })).toMatch(/^\/a\/0\/\\u001b\[2J\\u202e: /);
  expect(refusal(deep, { a: [{ ["k".repeat(10_000)]: 1 }] }).length).toBeLessThan(200);
});

it("takes any JSON value as it is, and only objects where an object is due", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const input: JsonValue = JSON.parse(JSON.stringify(value));
      expect(decode(json(), input)).toEqual({ kind: "ok", value: input });
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      expect(decode(jsonObject(), input).kind === "ok").toBe(isObject);
    }),
  );
});
