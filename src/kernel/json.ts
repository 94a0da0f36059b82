/** JSON values as the kernel knows them: no undefined, no NaN, integers within the safe range, no lone surrogates. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Bounds on one text. `maxLength` counts UTF-16 units, `maxDepth` nested arrays and objects, `maxValues` every value. */
export interface JsonBounds {
  readonly maxLength: number;
  readonly maxDepth: number;
  readonly maxValues: number;
}

/** Bounds for a text that nobody said more about: 1 Mi units, 32 levels, 100,000 values. */
export const DEFAULT_BOUNDS: JsonBounds = Object.freeze({ maxLength: 1_048_576, maxDepth: 32, maxValues: 100_000 });

/** `at` is the offset in UTF-16 units where the text stopped being acceptable. */
export type ParsedJson =
  | { readonly kind: "ok"; readonly value: JsonValue }
  | {
      readonly kind: "refused";
      readonly code: "malformed" | "too-large";
      readonly at: number;
      readonly message: string;
    };

/**
 * Parses one JSON text (RFC 8259) into the values of I-JSON (RFC 7493), or refuses it.
 *
 * `JSON.parse` keeps the last of two equal keys, so that one text has two readings, and rounds numbers; both let what
 * was shown differ from what ran. Refused here: duplicate keys, lone surrogates, raw control characters, numbers whose
 * decimal value a double does not keep (too long, too large, underflow), integers outside the safe range, -0, a byte
 * order mark, and anything after the value. Objects have no prototype: `__proto__` is a key like any other.
 */
export function parseJson(text: string, bounds: JsonBounds = DEFAULT_BOUNDS): ParsedJson {
  if (text.length > bounds.maxLength) {
    const message = `the text has ${text.length} UTF-16 units, over its bound of ${bounds.maxLength}`;
    return { kind: "refused", code: "too-large", at: bounds.maxLength, message };
  }
  const reader = new Reader(text, bounds);
  try {
    return { kind: "ok", value: reader.document() };
  } catch (error) {
    if (error instanceof Refused) return { kind: "refused", code: error.code, at: error.at, message: error.message };
    throw error;
  }
}

class Refused extends Error {
  readonly code: "malformed" | "too-large";
  readonly at: number;
  constructor(code: "malformed" | "too-large", at: number, message: string) {
    super(message);
    this.code = code;
    this.at = at;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const DOT = 0x2e;
/** A double keeps any decimal of up to 15 digits without an exponent, so those need no second look. */
const KEPT_DIGITS = 15;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** One pass over one text. Strings without escapes are slices of it, which is what keeps this near `JSON.parse`. */
class Reader {
  readonly #text: string;
  readonly #end: number;
  readonly #maxDepth: number;
  #valuesLeft: number;
  #at = 0;

  constructor(text: string, bounds: JsonBounds) {
    this.#text = text;
    this.#end = text.length;
    this.#maxDepth = bounds.maxDepth;
    this.#valuesLeft = bounds.maxValues;
  }

  document(): JsonValue {
    if (!this.#text.isWellFormed()) {
      this.#at = this.#text.search(/\p{Surrogate}/u);
      this.#fail("a lone surrogate");
    }
    this.#space();
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#end) this.#fail("something after the value");
    return value;
  }

  #value(depth: number): JsonValue {
    if (--this.#valuesLeft < 0) this.#tooLarge("more values than the bound allows");
    switch (this.#text.charCodeAt(this.#at)) {
      case QUOTE:
        return this.#string();
      case 0x7b: // {
        return this.#object(depth + 1);
      case 0x5b: // [
        return this.#array(depth + 1);
      case 0x74: // t
        return this.#word("true", true);
      case 0x66: // f
        return this.#word("false", false);
      case 0x6e: // n
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    if (depth > this.#maxDepth) this.#tooLarge(`deeper than ${this.#maxDepth} levels`);
    const object = emptyObject();
    this.#at++;
    this.#space();
    if (this.#take(0x7d)) return object;
    for (;;) {
      const start = this.#at;
      if (this.#text.charCodeAt(start) !== QUOTE) this.#fail("no key where an object needs one");
      const key = this.#string();
      if (key in object) {
        this.#at = start;
        this.#fail(`the key ${JSON.stringify(shorten(key))} a second time`);
      }
      this.#space();
      if (!this.#take(0x3a)) this.#fail("no colon after a key");
      this.#space();
      object[key] = this.#value(depth);
      this.#space();
      if (this.#take(0x2c)) this.#space();
      else if (this.#take(0x7d)) return object;
      else this.#fail("neither a comma nor the end of an object");
    }
  }

  #array(depth: number): readonly JsonValue[] {
    if (depth > this.#maxDepth) this.#tooLarge(`deeper than ${this.#maxDepth} levels`);
    const array: JsonValue[] = [];
    this.#at++;
    this.#space();
    if (this.#take(0x5d)) return array;
    for (;;) {
      array.push(this.#value(depth));
      this.#space();
      if (this.#take(0x2c)) this.#space();
      else if (this.#take(0x5d)) return array;
      else this.#fail("neither a comma nor the end of an array");
    }
  }

  #string(): string {
    const text = this.#text;
    const end = this.#end;
    const start = this.#at + 1;
    for (let at = start; at < end; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) {
        this.#at = at + 1;
        return text.slice(start, at);
      }
      if (unit === BACKSLASH) return this.#escapedString(start, at);
      if (unit < 0x20) {
        this.#at = at;
        this.#fail("a raw control character in a string");
      }
    }
    this.#at = end;
    return this.#fail("a string without an end");
  }

  /** The slow half of `#string`, from the first backslash on: finds the end, then lets the engine undo the escapes. */
  #escapedString(start: number, firstEscape: number): string {
    const text = this.#text;
    let at = firstEscape;
    while (at < this.#end && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
    if (at >= this.#end) {
      this.#at = this.#end;
      this.#fail("a string without an end");
    }
    this.#at = start;
    const decoded = decodeString(text.slice(start - 1, at + 1));
    if (decoded === null) return this.#fail("a bad escape or a raw control character in the string");
    // The text holds no raw lone surrogate, so only escapes can have made one.
    if (!decoded.isWellFormed()) return this.#fail("a lone surrogate in the string");
    this.#at = at + 1;
    return decoded;
  }

  #number(): number {
    const text = this.#text;
    const start = this.#at;
    const negative = text.charCodeAt(start) === MINUS;
    const digits = negative ? start + 1 : start;
    let at = digits;
    let value = 0;
    let unit = text.charCodeAt(at);
    while (unit >= ZERO && unit <= NINE) {
      value = value * 10 + (unit - ZERO);
      unit = text.charCodeAt(++at);
    }
    const whole = at - digits;
    if (whole === 0 || (whole > 1 && text.charCodeAt(digits) === ZERO)) return this.#unusualNumber(start);
    const fraction = unit === DOT;
    if (fraction) {
      do unit = text.charCodeAt(++at);
      while (unit >= ZERO && unit <= NINE);
      if (at === digits + whole + 1) return this.#unusualNumber(start);
      value = Number(text.slice(digits, at));
    }
    // The sign of zero, an exponent, or more digits than a double surely keeps: look closely.
    if (at - digits > KEPT_DIGITS || unit === 0x45 || unit === 0x65 || (negative && value === 0)) {
      return this.#unusualNumber(start);
    }
    this.#at = at;
    return negative ? -value : value;
  }

  /** Exponents, long numbers, and what is no number at all. */
  #unusualNumber(start: number): number {
    NUMBER.lastIndex = start;
    const token = NUMBER.exec(this.#text)?.[0];
    if (token === undefined) return this.#fail(start >= this.#end ? "the end of the text" : "no value");
    const value = Number(token);
    if (Object.is(value, -0)) return this.#fail("the number -0");
    if (!Number.isFinite(value)) return this.#fail(`the number ${shorten(token)}, which is out of range`);
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      return this.#fail(`the integer ${shorten(token)}, which is outside the safe range`);
    }
    if (String(value) !== token && decimal(String(value)) !== decimal(token)) {
      return this.#fail(`the number ${shorten(token)}, which a double does not keep`);
    }
    this.#at = start + token.length;
    return value;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail("no value");
    this.#at += word.length;
    return value;
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    const text = this.#text;
    let unit = text.charCodeAt(this.#at);
    while (unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09) unit = text.charCodeAt(++this.#at);
  }

  #fail(found: string): never {
    throw new Refused("malformed", this.#at, `not one strict JSON value: ${found} at offset ${this.#at}`);
  }

  #tooLarge(found: string): never {
    throw new Refused("too-large", this.#at, `over a bound of JSON: ${found} at offset ${this.#at}`);
  }
}

/** A fresh object without a prototype, so that no key of the text can reach one. */
export function emptyObject(): { [key: string]: JsonValue } {
  const object: { [key: string]: JsonValue } = Object.create(null);
  return object;
}

/** Freezes a value and everything in it, in place, and returns it. For trees only: what arrives frozen is taken as done. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
}

/** The string that one JSON string literal stands for; null when it is none. `JSON.parse` has no leniency for strings. */
function decodeString(literal: string): string | null {
  try {
    const decoded: unknown = JSON.parse(literal);
    return typeof decoded === "string" ? decoded : null;
  } catch {
    return null;
  }
}

/** `Array.isArray` that also narrows readonly arrays. */
export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Whether a value is an object of keys: neither null nor an array. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a decimal number token as `sign digits e exponent`, digits without outer zeros: equal values, equal text. */
function decimal(token: string): string {
  const [mantissa = "", exponent = "0"] = token.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return "0";
  return `${sign}${kept}e${Number(exponent) - fraction.length + (digits.length - kept.length)}`;
}

/** A piece of hostile text, short enough for a message. */
function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40).toWellFormed()}…`;
}
