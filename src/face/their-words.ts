import { isArray, isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";

/** Key under which `_meta` of a list entry says which labels its words have. */
const LABELS_META = "aios/labels";

const LINE_END = /\r\n?|[\u0085\u2028\u2029]/gu;
/**
 * What no reader sees: controls, formats (bidi, tags), private use, unassigned, and what fonts draw as nothing. Not the signs that
 * shape a picture or a word of Persian or Hindi, one at a time and where they do: a picture in an `enum` stays what it is.
 */
const UNSEEN =
  /(?![\n\t])(?!(?<=[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])[\u200c\u200d](?=[\p{L}\p{Extended_Pictographic}]))(?!(?<=[\p{Extended_Pictographic}#*0-9])[\ufe0e\ufe0f])[\p{C}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/**
 * Words of a server as its agent gets them: with plain line ends, and without characters that the human who signed for them
 * could not see. What was hidden between others is gone, not shown.
 */
export function plainWords(text: string): string {
  return text.replaceAll(LINE_END, "\n").replaceAll(UNSEEN, "");
}

/**
 * A list entry of a server that is somebody else's: all its texts plain, names in its schemas too, and labelled as data. What a
 * server called by characters that nobody sees, it does not know by its plain name.
 */
export function theirEntry(entry: JsonObject): JsonObject {
  return { ...plainObject(entry), _meta: { [LABELS_META]: ["untrusted"] } };
}

function plainObject(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [plainWords(name), plainValue(each)]));
}

function plainValue(value: JsonValue): JsonValue {
  if (typeof value === "string") return plainWords(value);
  if (isArray(value)) return value.map(plainValue);
  return isObject(value) ? plainObject(value) : value;
}
