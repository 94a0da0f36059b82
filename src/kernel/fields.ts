import type { FieldType, ToolClass } from "./grant.ts";
import { isArray, type JsonObject, type JsonValue } from "./json.ts";
import { argumentOf } from "./risk.ts";

/** Cedar's decimal: a 64-bit integer of ten-thousandths. Doubles this small keep four fraction digits exactly. */
const MAX_DECIMAL = 9_007_199_254;

/**
 * The first declared argument of a call that is present with another type than the owner signed for, or null.
 * An argument that is null is absent, as it is for tools and for the policy engine.
 */
export function mistypedField(tool: ToolClass, args: JsonObject): string | null {
  for (const [field, type] of Object.entries(tool.fields)) {
    const value = argumentOf(args, field);
    if (value !== undefined && value !== null && !HAS_TYPE[type](value)) return field;
  }
  return null;
}

const isText = (value: JsonValue): boolean => typeof value === "string";

const HAS_TYPE: { readonly [type in FieldType]: (value: JsonValue) => boolean } = {
  string: isText,
  path: isText,
  long: (value) => Number.isSafeInteger(value),
  decimal: (value) =>
    typeof value === "number" && Math.abs(value) <= MAX_DECIMAL && /^-?\d+(?:\.\d{1,4})?$/.test(String(value)),
  bool: (value) => typeof value === "boolean",
  strings: (value) => isArray(value) && value.every(isText),
};
