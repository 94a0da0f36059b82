import type { JsonObject } from "../kernel/json.ts";

/** Attributes by their names of the semantic conventions, or ours, which begin with `aios.`. Null ones are left out. */
export type Attributes = { readonly [name: string]: string | number | boolean | readonly string[] | null };

/** OTLP's JSON for attributes (opentelemetry-proto, `KeyValue`). 64-bit whole numbers are text there. */
export function encodeAttributes(attributes: Attributes): readonly JsonObject[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === null ? [] : [{ key, value: encodeValue(value) }],
  );
}

function encodeValue(value: string | number | boolean | readonly string[]): JsonObject {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  return { arrayValue: { values: value.map((each) => ({ stringValue: each })) } };
}

/** Milliseconds since 1970 and microseconds on top, as OTLP writes a moment: nanoseconds in decimal. */
export function nanos(at: number, micros: number = 0): string {
  return String(BigInt(at) * 1_000_000n + BigInt(Math.max(0, Math.round(micros))) * 1000n);
}
