import { canonicalize } from "../kernel/canonical.ts";
import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";

/** A contract object as the JSON document that is signed: parsed from its own canonical text, so that it is exactly that. */
export function toDocument(value: object): JsonObject {
  // Interfaces lack the index signature of JSON; canonicalize throws at run time on what is not JSON.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const parsed = parseJson(canonicalize(value as JsonValue));
  if (parsed.kind === "refused" || !isObject(parsed.value)) throw new TypeError("a document is not one JSON object");
  return parsed.value;
}
