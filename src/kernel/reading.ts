import { refuse, type Decoded } from "./decoded.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "./json.ts";

/**
 * A value inside a document, with the path that a refusal names (`limits.expires`, `allow[2].what`; empty for the whole).
 * The readers below either give what was asked for or throw `Misshapen`, which `readDocument` turns into a refusal, so
 * that a decoder reads from top to bottom and nothing can be taken without being checked.
 */
export class Place {
  readonly value: JsonValue | undefined;
  readonly path: string;

  constructor(value: JsonValue | undefined, path: string = "") {
    this.value = value;
    this.path = path;
  }

  /** Ends the decoding here. */
  fail(found: string): never {
    throw new Misshapen(this.path === "" ? found : `${this.path}: ${found}`);
  }

  /** The fields of an object that has exactly these, no more and no fewer, by name. */
  fields<K extends string>(...names: readonly K[]): (name: K) => Place {
    const object = this.#object();
    const known: readonly string[] = names;
    const unknown = Object.keys(object).find((key) => !known.includes(key));
    if (unknown !== undefined) this.fail(`unknown field ${quote(unknown)}`);
    const places = new Map(names.map((name) => [name, this.#at(object, name)]));
    return (name) => places.get(name) ?? this.fail(`${name}: missing`);
  }

  /** Those of these fields that an object has: for fields that may be left out. */
  given<K extends string>(...names: readonly K[]): readonly K[] {
    const object = this.#object();
    return names.filter((name) => Object.hasOwn(object, name));
  }

  /** An object from names to values, without a prototype. */
  map<T>(
    bounds: { readonly key: RegExp; readonly max: number },
    read: (place: Place, key: string) => T,
  ): Readonly<Record<string, T>> {
    const object = this.#object();
    const keys = Object.keys(object);
    if (keys.length > bounds.max) this.fail(`${keys.length} entries, over ${bounds.max}`);
    const map: Record<string, T> = Object.create(null);
    for (const key of keys) {
      if (!bounds.key.test(key)) this.fail(`${quote(key)} is no name here`);
      map[key] = read(this.#at(object, key), key);
    }
    return map;
  }

  /** A list of at most `max` items. */
  list<T>(max: number, read: (place: Place) => T): readonly T[] {
    if (this.value === undefined || !isArray(this.value)) return this.fail("not a list");
    if (this.value.length > max) this.fail(`${this.value.length} items, over ${max}`);
    return this.value.map((item, index) => read(new Place(item, `${this.path}[${index}]`)));
  }

  /** A list of texts, none twice. */
  names<T extends string>(max: number, read: (place: Place) => T): readonly T[] {
    const names = this.list(max, read);
    const again = names.find((name, index) => names.indexOf(name) !== index);
    return again === undefined ? names : this.fail(`${quote(again)} a second time`);
  }

  /** A text that matches a pattern, described by `what` when it does not. */
  text(pattern: RegExp, what: string): string {
    return typeof this.value === "string" && pattern.test(this.value) ? this.value : this.fail(`not ${what}`);
  }

  /** One of a few texts. */
  oneOf<T extends string>(choices: readonly T[]): T {
    const { value } = this;
    return choices.find((choice) => choice === value) ?? this.fail(`not one of ${choices.join(", ")}`);
  }

  bool(): boolean {
    return typeof this.value === "boolean" ? this.value : this.fail("not true or false");
  }

  /** A whole number within bounds, both included. */
  whole(min: number, max: number): number {
    const { value } = this;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    return this.fail(`not a whole number from ${min} to ${max}`);
  }

  /** Null, or what `read` makes of the value. */
  orNull<T>(read: (place: Place) => T): T | null {
    return this.value === null ? null : read(this);
  }

  #object(): JsonObject {
    return isObject(this.value) ? this.value : this.fail("not an object");
  }

  #at(object: JsonObject, key: string): Place {
    const path = this.path === "" ? key : `${this.path}.${key}`;
    if (!Object.hasOwn(object, key)) throw new Misshapen(`${path}: missing`);
    return new Place(object[key], path);
  }
}

class Misshapen extends Error {}

/** Runs a decoder over a whole document. */
export function readDocument<T>(value: JsonValue, read: (place: Place) => T): Decoded<T> {
  try {
    return { kind: "ok", value: read(new Place(value)) };
  } catch (error) {
    if (error instanceof Misshapen) return refuse("malformed", error.message);
    throw error;
  }
}

/** A piece of a hostile text for a message: short, quoted, ASCII. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 60)).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
