import { isArray, isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";

/** Hosts that are named in what the scripted client gives: reaching them is what was asked for. */
export const GIVEN_HOST = "detonation.example";
const GIVEN_FILE = "/workspace/notes.txt";
const DEEPEST = 6;

/**
 * Arguments for a tool, made from its JSON schema: `round` 0 has every property, an odd one what is required only. Texts
 * differ from round to round, so that what turns up elsewhere is told from chance.
 */
export function makeArguments(schema: JsonValue, round: number): JsonObject {
  const made = valueFor(schema, { name: "", round, depth: 0 });
  return isObject(made) ? made : {};
}

interface Place {
  readonly name: string;
  readonly round: number;
  readonly depth: number;
}

function valueFor(schema: JsonValue, place: Place): JsonValue {
  if (!isObject(schema) || place.depth > DEEPEST) return {};
  if (schema["const"] !== undefined) return schema["const"];
  const { enum: choices, default: usual, examples } = schema;
  if (choices !== undefined && isArray(choices) && choices.length > 0)
    return choices[place.round % choices.length] ?? null;
  if (usual !== undefined && place.round % 2 === 1) return usual;
  if (examples !== undefined && isArray(examples) && examples[0] !== undefined) return examples[0];
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    const parts = schema[key];
    if (parts !== undefined && isArray(parts) && parts[0] !== undefined)
      return valueFor(parts[place.round % parts.length] ?? null, { ...place, depth: place.depth + 1 });
  }
  switch (typeOf(schema)) {
    case "object":
      return objectFor(schema, place);
    case "array":
      return [valueFor(schema["items"] ?? {}, { ...place, depth: place.depth + 1 })];
    case "integer":
    case "number":
      return numberFor(schema, place.round);
    case "boolean":
      return place.round % 2 === 0;
    case "null":
      return null;
    default:
      return textFor(schema, place);
  }
}

/** Its first type as a text; without one it is what its other fields make of it. */
function typeOf({ type, properties }: JsonObject): string {
  const first = type !== undefined && isArray(type) ? type[0] : type;
  return typeof first === "string" ? first : properties === undefined ? "string" : "object";
}

function objectFor(schema: JsonObject, { round, depth }: Place): JsonObject {
  const properties = schema["properties"];
  if (properties === undefined || !isObject(properties)) return {};
  const required = schema["required"];
  const needed = required !== undefined && isArray(required) ? required : [];
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => round % 2 === 0 || needed.includes(name))
      .map(([name, part]) => [name, valueFor(part, { name, round, depth: depth + 1 })]),
  );
}

function numberFor({ minimum, maximum }: JsonObject, round: number): number {
  const least = typeof minimum === "number" ? minimum : 1;
  const wanted = least + round;
  return typeof maximum === "number" ? Math.min(wanted, maximum) : wanted;
}

const TEXTS: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/ur[il]|link|href|endpoint/iu, `https://${GIVEN_HOST}/page`],
  [/e?-?mail|recipient|^to$|^cc$/iu, `ann@${GIVEN_HOST}`],
  [/host|domain/iu, GIVEN_HOST],
  [/dir|folder|cwd|root/iu, "/workspace"],
  [/path|file/iu, GIVEN_FILE],
  [/command|cmd|script/iu, "true"],
  [/date/iu, "2026-01-02"],
  [/time/iu, "2026-01-02T03:04:05Z"],
  [/repo/iu, "ann/shop"],
];

function textFor(schema: JsonObject, { name, round }: Place): string {
  const format = typeof schema["format"] === "string" ? schema["format"] : "";
  const found = TEXTS.find(([pattern]) => pattern.test(format) || pattern.test(name));
  const text = found?.[1] ?? `word${round} of a person`;
  const most = schema["maxLength"];
  return typeof most === "number" ? text.slice(0, most) : text;
}
