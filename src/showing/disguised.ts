import { isArray, type JsonValue } from "../kernel/json.ts";
import { makeVisible } from "./visible.ts";

/** The first text or name in a value that is not what it looks like, or null. Names are judged as one line. */
export function findDisguised(value: JsonValue, isPlain: (text: string) => boolean = isPlainLine): string | null {
  if (typeof value === "string") return isPlain(value) ? null : value;
  if (value === null || typeof value !== "object") return null;
  if (isArray(value)) return firstOf(value, (part) => findDisguised(part, isPlain));
  return firstOf(Object.entries(value), ([name, part]) => (isPlainLine(name) ? findDisguised(part, isPlain) : name));
}

function firstOf<T>(parts: readonly T[], look: (part: T) => string | null): string | null {
  for (const part of parts) {
    const found = look(part);
    if (found !== null) return found;
  }
  return null;
}

function isPlainLine(text: string): boolean {
  return makeVisible(text) === text;
}

/**
 * Whether every line of a text reads as what it is, as the content of a file does: lines may be indented by tabs and end in
 * spaces, which where it is shown in full are named.
 */
export function isPlainText(text: string): boolean {
  // A full stop after each line, apart from it: spaces are named at an end alone.
  return text.split("\n").every((row) => isPlainLine(`${row.replaceAll("\t", " ")} .`));
}
