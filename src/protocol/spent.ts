import type { Spent } from "../kernel/infer.ts";
import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";

/** What a record's payload says was spent, or was expected to be; null when it says nothing. */
export function spentIn(value: JsonValue | undefined): Spent | null {
  if (value === undefined || !isObject(value)) return null;
  const [input, output, cost] = [value["input"], value["output"], value["cost"]].map(countOf);
  return typeof input === "number" && typeof output === "number" && typeof cost === "number"
    ? { input, output, cost }
    : null;
}

/**
 * What a call of a model has spent in the end. Nothing when it was stopped before it began, and all that it was expected to
 * spend when nobody knows (ERRORS-DENY).
 */
export function actuallySpent(
  result: "ok" | "tool-error" | "failed" | "unknown",
  payload: JsonObject | null,
  expected: Spent,
): Spent {
  if (result === "failed") return { input: 0, output: 0, cost: 0 };
  const text = payload?.["result"];
  const parsed = typeof text === "string" ? parseJson(text) : null;
  return (parsed?.kind === "ok" && isObject(parsed.value) ? spentIn(parsed.value["spent"]) : null) ?? expected;
}

function countOf(value: JsonValue | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
