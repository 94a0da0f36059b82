import { isObject, type JsonObject, type JsonValue } from "../../src/kernel/json.ts";
import { ATTRIBUTE_TYPES, SPAN_GROUPS } from "./conventions-extract.ts";

/** A span in OTLP's JSON, as far as it is looked at. */
export interface CheckedSpan {
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string; readonly value: JsonObject }[];
  readonly status: { readonly code?: number };
}

/** Attributes that the conventions say something of here: all others are ours, or of other conventions. */
export function isTheirs(name: string): boolean {
  return name.startsWith("gen_ai.") || name.startsWith("mcp.") || name === "error.type";
}

/** What an attribute's value has against the conventions, or null. */
export function wrongValue(name: string, value: JsonValue): string | null {
  const type = Object.hasOwn(ATTRIBUTE_TYPES, name) ? ATTRIBUTE_TYPES[name] : undefined;
  if (type === undefined) return `${name} is not known`;
  const [kind, said] = isObject(value) ? (Object.entries(value)[0] ?? []) : [];
  if (type === "int") return kind === "intValue" ? null : `${name} is no whole number`;
  if (kind !== "stringValue" || typeof said !== "string" || said === "") return `${name} is no text`;
  if (typeof type === "string" || type.open || type.members.includes(said)) return null;
  return `${name} cannot be ${said}`;
}

function textIn(value: JsonObject): string {
  const [said] = Object.values(value);
  return typeof said === "string" ? said : JSON.stringify(said);
}

/** What a span has against the conventions; null is a span of which they say nothing here. */
export function checkSpan(span: CheckedSpan): readonly string[] | null {
  const has = new Map(span.attributes.map(({ key, value }) => [key, textIn(value)]));
  const group = SPAN_GROUPS.find(({ by: [key, value] }) => (value === null ? has.has(key) : has.get(key) === value));
  if (group === undefined) return span.attributes.some(({ key }) => key.startsWith("mcp.")) ? ["no such span"] : null;
  const needed = group.where.flatMap(([key, value, other]) => (has.get(key) === value ? [other] : []));
  const failed = span.status.code === 2;
  const named = group.name.flatMap((key) => has.get(key) ?? []).join(" ");
  return [
    ...span.attributes.flatMap(({ key, value }) => (isTheirs(key) ? (wrongValue(key, value) ?? []) : [])),
    ...[...group.required, ...needed].filter((key) => !has.has(key)).map((key) => `${key} is missing`),
    ...(failed === has.has("error.type") ? [] : ["error.type and the status do not agree"]),
    ...(span.kind === group.kind ? [] : [`of kind ${span.kind}`]),
    ...(span.name === named ? [] : [`named ${span.name}, not ${named}`]),
  ];
}
