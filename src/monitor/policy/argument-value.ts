import type { CedarValueJson } from "@cedar-policy/cedar-wasm/nodejs";
import { isArray, type JsonValue } from "../../kernel/json.ts";
import { isCanonicalUri, pathSegments } from "../../kernel/paths.ts";
import { decimalText } from "./decimal.ts";
import type { ArgumentType } from "./field-types.ts";

/** Longest text of one argument that rules are shown, in UTF-16 units; matching costs time in proportion. */
const MAX_TEXT = 65_536;
/** Most texts in one argument that rules are shown. */
const MAX_TEXTS = 1_024;

/** What rules see of one argument. */
export interface ArgumentValue {
  /** Null: the field is not in the context. */
  readonly value: CedarValueJson | null;
  /** The argument is there but its value is not all that it says, so that no forbid that names it can judge it. */
  readonly blind: boolean;
}

const ABSENT: ArgumentValue = { value: null, blind: false };
const UNREADABLE: ArgumentValue = { value: null, blind: true };

/** Reads one argument as its signed type. Null counts as absent, as it does for tools; the empty text as no recipient. */
export function readArgument(value: JsonValue | undefined, type: ArgumentType): ArgumentValue {
  return value === undefined || value === null ? ABSENT : READERS[type](value);
}

const READERS: { readonly [type in ArgumentType]: (value: JsonValue) => ArgumentValue } = {
  string: (value) => (isText(value) ? seen(value) : UNREADABLE),
  path: readPath,
  uri: (value) => (isText(value) && isCanonicalUri(value) ? seen(value) : UNREADABLE),
  long: (value) => (typeof value === "number" && Number.isSafeInteger(value) ? seen(value) : UNREADABLE),
  bool: (value) => (typeof value === "boolean" ? seen(value) : UNREADABLE),
  decimal: readDecimal,
  strings: readTexts,
  recipients: (value) => (value === "" ? ABSENT : readTexts(typeof value === "string" ? [value] : value)),
};

function readDecimal(value: JsonValue): ArgumentValue {
  const text = typeof value === "number" ? decimalText(value) : null;
  return text === null ? UNREADABLE : seen({ __extn: { fn: "decimal", arg: text } });
}

/**
 * The path as rules compare it, or null for an absolute one with more than one reading. A relative path stays as it is:
 * only the server knows what it is relative to.
 */
export function pathText(path: string): string | null {
  return !path.startsWith("/") || pathSegments(path) !== null ? path : null;
}

/** A relative path can be compared with another by equality; whether it is below a forbidden folder nobody here can say. */
function readPath(value: JsonValue): ArgumentValue {
  const text = isText(value) ? pathText(value) : null;
  return text === null ? UNREADABLE : { value: text, blind: !text.startsWith("/") };
}

function readTexts(value: JsonValue): ArgumentValue {
  if (!isArray(value) || value.length > MAX_TEXTS) return UNREADABLE;
  const texts: string[] = [];
  let length = 0;
  for (const text of value) {
    if (!isText(text)) return UNREADABLE;
    length += text.length;
    texts.push(text);
  }
  return length > MAX_TEXT ? UNREADABLE : seen(texts);
}

function seen(value: CedarValueJson): ArgumentValue {
  return { value, blind: false };
}

function isText(value: JsonValue): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT && value.isWellFormed();
}
