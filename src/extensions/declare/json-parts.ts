import { isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";

/** The value if it is an object. */
export function asObject(value: JsonValue | undefined): JsonObject | null {
  return value !== undefined && isObject(value) ? value : null;
}

/** The items of a list; none of what is no list. */
export function asItems(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
