import type { Condition } from "../../kernel/grant.ts";
import { pathSegments } from "../../kernel/paths.ts";
import { pathText } from "./argument-value.ts";
import { quotePrefix, quoteString } from "./cedar-text.ts";
import { floorDecimal, decimalText } from "./decimal.ts";
import type { ArgumentType } from "./field-types.ts";

/** What a condition that cannot hold is written as: it is shown to the owner, and Cedar gives nothing for it. */
export const NEVER = "false";

/**
 * One condition of a grant as a Cedar expression over `context.args`. A condition on an absent field is false, and so is
 * one that does not fit the type of its field: absence means deny.
 */
export function conditionText(
  field: string,
  options: { condition: Condition; type: ArgumentType | undefined },
): string {
  const { condition, type } = options;
  if (type === undefined || !field.isWellFormed()) return NEVER;
  const name = quoteString(field);
  const test = testText(`context.args[${name}]`, condition, type);
  return test === NEVER ? NEVER : `context.args has ${name} && ${test}`;
}

function testText(value: string, condition: Condition, type: ArgumentType): string {
  if ("equals" in condition) return equalsText(value, condition.equals, type);
  if ("in" in condition) return inText(value, condition.in, type);
  if ("under" in condition) return underText(value, condition.under, type);
  return maxText(value, condition.max, type);
}

function equalsText(value: string, wanted: string | number | boolean, type: ArgumentType): string {
  if (typeof wanted === "string") return inText(value, [wanted], type);
  if (typeof wanted === "boolean") return type === "bool" ? `${value} == ${String(wanted)}` : NEVER;
  if (type === "long") return Number.isSafeInteger(wanted) ? `${value} == ${String(wanted)}` : NEVER;
  const decimal = type === "decimal" ? decimalText(wanted) : null;
  return decimal === null ? NEVER : `${value} == decimal("${decimal}")`;
}

/** Of a list every item must be one of those named; an empty list names nobody else (as `meets` of the kernel reads it). */
function inText(value: string, wanted: readonly string[], type: ArgumentType): string {
  const spelt = wanted.filter((text) => text.isWellFormed()).map((text) => (type === "path" ? pathText(text) : text));
  const texts = spelt.filter((text) => text !== null).map(quoteString);
  const [first, ...others] = texts;
  if (type === "strings" || type === "recipients") {
    return first === undefined ? `${value}.isEmpty()` : `[${texts.join(", ")}].containsAll(${value})`;
  }
  if (first === undefined || !(type === "string" || type === "path" || type === "uri")) return NEVER;
  return others.length === 0 ? `${value} == ${first}` : `[${texts.join(", ")}].contains(${value})`;
}

/** Only paths have a below: on other texts `a/../b` is under `a` (CVE-2025-53109 is the same mistake on prefixes). */
function underText(value: string, folder: string, type: ArgumentType): string {
  const segments = type === "path" ? pathSegments(folder) : null;
  if (segments === null) return NEVER;
  if (segments.length === 0) return `${value} like "/*"`;
  return `(${value} == ${quoteString(folder)} || ${value} like ${quotePrefix(`${folder}/`)})`;
}

function maxText(value: string, most: number, type: ArgumentType): string {
  if (Number.isNaN(most)) return NEVER;
  if (type === "long") {
    // Values are safe integers: a bound beyond them is no bound or no value.
    const bound = Math.min(Math.floor(most), Number.MAX_SAFE_INTEGER);
    return bound < Number.MIN_SAFE_INTEGER ? NEVER : `${value} <= ${bound + 0}`;
  }
  if (type === "decimal") {
    const bound = floorDecimal(most);
    return bound === null ? NEVER : `${value}.lessThanOrEqual(decimal("${bound}"))`;
  }
  return NEVER;
}
