import type { JsonObject } from "../kernel/json.ts";
import { Refusal } from "./faults.ts";

/** The text at `first`, from a document that has exactly these keys, each a text; throws a Refusal for any other. */
export function exactText(document: JsonObject, first: string, ...others: readonly string[]): string {
  const wanted = [first, ...others];
  const value = document[first];
  const exact =
    Object.keys(document).length === wanted.length && wanted.every((key) => typeof document[key] === "string");
  if (!exact || typeof value !== "string")
    throw new Refusal(
      "bad-document",
      `The document must hold ${wanted.map((key) => `"${key}"`).join(" and ")} as text and nothing else.`,
      "See docs/formats/statement.md.",
    );
  return value;
}
