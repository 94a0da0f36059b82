import { KernelFault } from "./fault.ts";
import { isArray, type JsonObject, type JsonValue } from "./json.ts";

/** Deeper values are no messages of ours, and a cycle is infinitely deep. */
const MAX_DEPTH = 256;
/** So many names are sorted by insertion, which is quadratic. */
const FEW_NAMES = 24;
/** What is not surely written as it stands: quote, backslash, control characters, and surrogates, which may be lone. */
const NEEDS_ESCAPE = /["\\\p{Cc}\p{Cs}]/u;

/**
 * The one text of a JSON value: JSON Canonicalization Scheme, RFC 8785. Keys are sorted by UTF-16 units, numbers are
 * written as ECMAScript does, nothing is escaped that need not be.
 * Throws KernelFault `not-json` on what is no `JsonValue` (undefined, NaN, -0, unsafe integers, lone surrogates, holes,
 * symbols, accessors, class instances, cycles), because such a value has no text that parses back to it.
 */
export function canonicalize(value: JsonValue): string {
  return write(value, 0);
}

function write(value: JsonValue, depth: number): string {
  if (value === null) return "null";
  if (typeof value === "string") return writeString(value);
  if (typeof value === "number") return writeNumber(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  // The type says that this cannot be; a cast or plain JavaScript can still hand it in.
  if (typeof value !== "object") throw new KernelFault("not-json", `a value of type ${typeof value} is not JSON`);
  if (depth >= MAX_DEPTH) throw new KernelFault("not-json", `a value is nested deeper than ${MAX_DEPTH} levels`);
  return isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1);
}

function writeString(value: string): string {
  if (!NEEDS_ESCAPE.test(value)) return `"${value}"`;
  if (!value.isWellFormed()) throw new KernelFault("not-json", "a string holds a lone surrogate");
  // For well-formed strings JSON.stringify escapes exactly what RFC 8785 section 3.2.2.2 does.
  return JSON.stringify(value);
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value) || Object.is(value, -0)) {
    throw new KernelFault("not-json", `the number ${Object.is(value, -0) ? "-0" : value} is not JSON`);
  }
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new KernelFault("not-json", `the integer ${value} is outside the safe range`);
  }
  return String(value);
}

function writeArray(value: readonly JsonValue[], depth: number): string {
  let text = "[";
  for (let index = 0; index < value.length; index++) {
    const item = value[index];
    if (item === undefined) throw new KernelFault("not-json", `the array has nothing at index ${index}`);
    text += index === 0 ? write(item, depth) : `,${write(item, depth)}`;
  }
  return `${text}]`;
}

function writeObject(value: JsonObject, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new KernelFault("not-json", "an object of a class is not JSON");
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw new KernelFault("not-json", "an object with a symbol key is not JSON");
  }
  let text = "";
  for (const key of sortedNames(value)) {
    const item = value[key];
    if (item === undefined) throw new KernelFault("not-json", `the key ${JSON.stringify(key)} has no value`);
    text += `${text === "" ? "{" : ","}${writeString(key)}:${write(item, depth)}`;
  }
  return text === "" ? "{}" : `${text}}`;
}

/** RFC 8785 section 3.2.3: names in the order of their UTF-16 units, which is how ECMAScript compares strings. */
function sortedNames(value: JsonObject): readonly string[] {
  const names = Object.getOwnPropertyNames(value);
  if (names.length > FEW_NAMES) return names.toSorted(byUnits);
  // By insertion: what was parsed from canonical text is sorted already, and that is most of what comes here.
  for (let index = 1; index < names.length; index++) {
    const name = names[index] ?? "";
    let place = index;
    for (; place > 0; place--) {
      const before = names[place - 1] ?? "";
      if (before <= name) break;
      names[place] = before;
    }
    names[place] = name;
  }
  return names;
}

function byUnits(left: string, right: string): number {
  return left < right ? -1 : 1;
}
