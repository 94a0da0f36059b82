import JSON5 from "json5";
import { parse as parseToml, TomlDate } from "smol-toml";
import { isArray, isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";

/** A configuration is written by hand or by its program; more than this is neither. */
export const CONFIGURATION_BYTES: number = 4 * 1024 * 1024;
const MOST_DEPTH = 24;

/**
 * Reads a client's configuration: JSON with whatever comments, commas and bare names its program allows (JSON5 is all of
 * these), or TOML. Null when it is neither, or is no table at its top.
 */
export function readConfiguration(text: string, format: "json" | "toml"): JsonObject | null {
  try {
    const value = plain(format === "toml" ? parseToml(text) : JSON5.parse<unknown>(text.replace(/^\uFEFF/u, "")), 0);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** What a parser made, as JSON: dates as text, and nothing deeper than anybody writes. */
function plain(value: unknown, depth: number): JsonValue {
  if (depth > MOST_DEPTH) throw new RangeError("nested too deep");
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint" || value instanceof TomlDate) return String(value);
  if (Array.isArray(value)) return value.map((each) => plain(each, depth + 1));
  if (typeof value !== "object") return null;
  // fromEntries defines own properties, so that `__proto__` is a name like any other.
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each, depth + 1)]));
}

/** What stands at a path of names in a table; undefined when nothing does. */
export function valueAt(table: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let value = table;
  for (const name of path) {
    if (value === undefined || !isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** The same, if it is a table; otherwise an empty one. */
export function tableAt(table: JsonValue | undefined, path: readonly string[]): JsonObject {
  const value = valueAt(table, path);
  return value !== undefined && isObject(value) ? value : {};
}

/** The texts of a list at a path; a single text is a list of one. */
export function textsAt(table: JsonValue | undefined, path: readonly string[]): readonly string[] {
  const value = valueAt(table, path);
  if (typeof value === "string") return [value];
  return value !== undefined && isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** The text at a path, or null. */
export function textAt(table: JsonValue | undefined, path: readonly string[]): string | null {
  const value = valueAt(table, path);
  return typeof value === "string" ? value : null;
}

/** The line where the last of some names stands, each looked for behind the one before; 1 when they are not to be found. */
export function lineOf(text: string, names: readonly string[]): number {
  let at = 0;
  for (const name of names) {
    const next = text.indexOf(name, at);
    if (next < 0) break;
    at = next;
  }
  return text.slice(0, at).split("\n").length;
}
