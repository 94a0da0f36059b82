import { isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { quote } from "./quote.ts";
import { Refusal } from "./refusal.ts";

/** What decoding gave: the typed value, or where (JSON pointer, RFC 6901) and why it was refused. */
export type DecodeResult<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "refused"; readonly path: string; readonly message: string };

/**
 * Reads one parsed JSON value into a type, or returns the refusal it was given, with the reason noted on it.
 * A decoded value is a fresh one (only `json` parts are shared with the input), so nobody else holds it.
 * Fields that were not declared are refused, and so are declared ones that are absent: there is no lenient mode.
 */
export type Decoder<T> = (value: JsonValue, refusal: Refusal) => T | Refusal;

/** The type that a decoder gives. */
export type Decoded<D> = D extends (value: JsonValue, refusal: Refusal) => infer R ? Exclude<R, Refusal> : never;

/** Runs a decoder over a parsed value. */
export function decode<T>(decoder: Decoder<T>, value: JsonValue): DecodeResult<T> {
  const read = decoder(value, new Refusal());
  if (read instanceof Refusal) return { kind: "refused", path: read.path, message: read.message };
  return { kind: "ok", value: read };
}

/** The fields of an object: every one declared, none besides. */
export type Fields<T> = { readonly [Name in keyof T]-?: Decoder<T[Name]> };

/** An object with exactly these fields. Those named in `defaults` may be absent and then have that value. */
export function object<T extends object>(fields: Fields<T>, options: { defaults?: Partial<T> } = {}): Decoder<T> {
  const defaults = new Map<string, unknown>(Object.entries(options.defaults ?? {}));
  const declared = Object.entries<Decoder<unknown>>(fields);
  return (value, refusal) => {
    if (!isObject(value)) return refusal.expected("an object", value);
    const read: { [name: string]: unknown } = {};
    let present = 0;
    for (const [name, decoder] of declared) {
      const field = Object.hasOwn(value, name) ? value[name] : undefined;
      if (field === undefined) {
        if (!defaults.has(name)) return refusal.because("is missing").at(name);
        read[name] = defaults.get(name);
        continue;
      }
      present += 1;
      const part = decoder(field, refusal);
      if (part instanceof Refusal) return refusal.at(name);
      read[name] = part;
    }
    const keys = Object.keys(value);
    if (keys.length !== present) {
      const unknown = keys.find((key) => !Object.hasOwn(fields, key)) ?? "";
      return refusal.because("is not a known field").at(unknown);
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field was read by the decoder that T has for it
    return read as T;
  };
}

/**
 * An object that maps names to values of one kind. `key` is what names look like, anchored; `is` says so in words.
 * The result has no prototype, so that looking up `constructor` or `__proto__` finds nothing.
 */
export function record<T>(
  of: Decoder<T>,
  options: { key: RegExp; is?: string; max: number; min?: number },
): Decoder<{ readonly [name: string]: T }> {
  const { max, min = 0 } = options;
  const key = anchored(options.key);
  const is = options.is ?? `a name of the form ${key.source}`;
  return (value, refusal) => {
    if (!isObject(value)) return refusal.expected("an object", value);
    const keys = Object.keys(value);
    if (keys.length < min || keys.length > max) {
      return refusal.because(`expected ${range(min, max)} entries, found ${keys.length}`);
    }
    const read: { [name: string]: T } = Object.create(null);
    for (const name of keys) {
      if (!key.test(name)) return refusal.because(`is not ${is}`).at(name);
      const part = of(value[name] ?? null, refusal);
      if (part instanceof Refusal) return refusal.at(name);
      read[name] = part;
    }
    return read;
  };
}

/** A list of at most `max` items. With `unique`, no two items may give the same key. */
export function list<T>(
  item: Decoder<T>,
  options: { max: number; min?: number; unique?: (item: T) => string },
): Decoder<readonly T[]> {
  const { max, min = 0, unique } = options;
  return (value, refusal) => {
    if (!Array.isArray(value)) return refusal.expected("a list", value);
    if (value.length < min || value.length > max) {
      return refusal.because(`expected ${range(min, max)} items, found ${value.length}`);
    }
    const read: T[] = [];
    const seen = unique === undefined ? null : new Set<string>();
    for (let index = 0; index < value.length; index += 1) {
      const part = item(value[index], refusal);
      if (part instanceof Refusal) return refusal.at(index);
      if (seen !== null && unique !== undefined) {
        const key = unique(part);
        if (seen.has(key)) return refusal.because(`occurs twice: ${quote(key)}`).at(index);
        seen.add(key);
      }
      read.push(part);
    }
    return read;
  };
}

/** A list of names without repetition. */
export function names<T extends string>(
  item: Decoder<T>,
  options: { max: number; min?: number },
): Decoder<readonly T[]> {
  return list(item, { ...options, unique: String });
}

/** Text of `min` to `max` UTF-16 code units that matches `pattern` (anchored) where one is given; `is` names the kind. */
export function text(options: { max: number; min?: number; pattern?: RegExp; is?: string }): Decoder<string> {
  const { max, min = 0 } = options;
  const pattern = options.pattern === undefined ? null : anchored(options.pattern);
  const what = options.is ?? (pattern === null ? "text" : `text of the form ${pattern.source}`);
  return (value, refusal) => {
    if (typeof value !== "string") return refusal.expected(what, value);
    if (value.length < min || value.length > max) {
      return refusal.because(`expected ${what} of ${range(min, max)} characters, found ${value.length}`);
    }
    if (pattern !== null && !pattern.test(value)) return refusal.expected(what, value);
    return value;
  };
}

/** A whole number from `min` to `max`, both within the safe range. */
export function integer(options: { min: number; max: number }): Decoder<number> {
  const { min, max } = options;
  return (value, refusal) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max && !Object.is(value, -0)
      ? value
      : refusal.expected(`a whole number from ${min} to ${max}`, value);
}

/** A finite number. Negative zero is refused: it has the bytes of zero. */
export function number(): Decoder<number> {
  return (value, refusal) =>
    typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : refusal.expected("a finite number", value);
}

/** True or false. */
export function boolean(): Decoder<boolean> {
  return (value, refusal) => (typeof value === "boolean" ? value : refusal.expected("true or false", value));
}

/** Exactly this value. */
export function literal<const T extends string | number | boolean | null>(expected: T): Decoder<T> {
  const shown = typeof expected === "string" ? quote(expected) : String(expected);
  return (value, refusal) => (value === expected ? expected : refusal.misspelt(shown, value));
}

/** One of these words. */
export function oneOf<const T extends string>(words: readonly T[]): Decoder<T> {
  const known = new Map<JsonValue, T>(words.map((word) => [word, word]));
  const listed = words.length <= 12 ? words.join(", ") : `${words.length} known words`;
  return (value, refusal) => known.get(value) ?? refusal.misspelt(`one of ${listed}`, value);
}

/** The value, or null. */
export function nullable<T>(decoder: Decoder<T>): Decoder<T | null> {
  return (value, refusal) => (value === null ? null : decoder(value, refusal));
}

/** For each value of the tag, the decoder of the variant that has it (the tag included). */
export type Variants<T, Tag extends keyof T> = {
  readonly [Name in T[Tag] & string]: Decoder<Extract<T, { readonly [field in Tag]: Name }>>;
};

/** An object whose field `tag` says which of the variants it is. */
export function union<T extends object, Tag extends keyof T & string>(
  tag: Tag,
  variants: Variants<T, Tag>,
): Decoder<T> {
  const known = new Map<JsonValue, Decoder<T>>(Object.entries<Decoder<T>>(variants));
  const tagged = oneOf(Object.keys(variants));
  return (value, refusal) => {
    if (!isObject(value)) return refusal.expected("an object", value);
    const name = Object.hasOwn(value, tag) ? value[tag] : undefined;
    if (name === undefined) return refusal.because("is missing").at(tag);
    const variant = known.get(name);
    if (variant !== undefined) return variant(value, refusal);
    tagged(name, refusal);
    return refusal.at(tag);
  };
}

type NamesOf<T> = T extends unknown ? keyof T & string : never;
type FieldOf<T, Name extends string> = T extends { readonly [field in Name]: infer Value } ? Value : never;

/** An object with exactly one of these fields; T is the union of the objects with one field each. */
export function sole<T extends object>(fields: {
  readonly [Name in NamesOf<T>]: Decoder<FieldOf<T, Name>>;
}): Decoder<T> {
  const known = new Map(Object.entries<Decoder<unknown>>(fields));
  const listed = [...known.keys()].join(", ");
  return (value, refusal) => {
    if (!isObject(value)) return refusal.expected(`an object with one of ${listed}`, value);
    const [name, ...others] = Object.keys(value);
    const decoder = name === undefined || others.length > 0 ? undefined : known.get(name);
    if (name === undefined || decoder === undefined) return refusal.because(`expected exactly one field of ${listed}`);
    const part = decoder(value[name] ?? null, refusal);
    if (part instanceof Refusal) return refusal.at(name);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the variant of T that has this one field
    return { [name]: part } as T;
  };
}

/** A decoder with one more condition: `check` says what is wrong, or null. */
export function refine<T>(decoder: Decoder<T>, check: (value: T) => string | null): Decoder<T> {
  return (value, refusal) => {
    const read = decoder(value, refusal);
    if (read instanceof Refusal) return refusal;
    const problem = check(read);
    return problem === null ? read : refusal.because(problem);
  };
}

/** A decoder whose value is turned into another, or refused after all. */
export function transform<T, U>(decoder: Decoder<T>, to: (value: T, refusal: Refusal) => U | Refusal): Decoder<U> {
  return (value, refusal) => {
    const read = decoder(value, refusal);
    return read instanceof Refusal ? refusal : to(read, refusal);
  };
}

/** Text, number or truth value. */
export function scalar(options: { max: number }): Decoder<string | number | boolean> {
  const textual = text(options);
  const numeric = number();
  return (value, refusal) => {
    if (typeof value === "boolean") return value;
    if (typeof value === "number") return numeric(value, refusal);
    return typeof value === "string"
      ? textual(value, refusal)
      : refusal.expected("text, a number, true or false", value);
  };
}

/** Any JSON value, as it is. Its size and depth were bounded when it was parsed. */
export function json(): Decoder<JsonValue> {
  return (value) => value;
}

/** Any JSON object, as it is. */
export function jsonObject(): Decoder<JsonObject> {
  return (value, refusal) => (isObject(value) ? value : refusal.expected("an object", value));
}

/** A pattern decides over the whole text or it decides nothing; a state (g, y) or lines (m) would make it decide by luck. */
function anchored(pattern: RegExp): RegExp {
  const whole = pattern.source.startsWith("^") && pattern.source.endsWith("$") && !/[gmy]/.test(pattern.flags);
  if (!whole) throw new TypeError(`Cannot decode with ${String(pattern)}: it is not anchored at both ends`);
  return pattern;
}

function range(min: number, max: number): string {
  return min === 0 ? `at most ${max}` : min === max ? `${min}` : `${min} to ${max}`;
}
