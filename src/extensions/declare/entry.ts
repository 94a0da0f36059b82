import { decode } from "../../protocol/decode.ts";
import { EXTENSION_ENTRY } from "../../protocol/extension.ts";

/** The program that Node is to run, as an extension names it, without `./` before it. Null when it is no path in its tree. */
export function asEntry(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const entry = decode(EXTENSION_ENTRY, value.replace(/^(?:\.\/)+/u, ""));
  return entry.kind === "ok" ? entry.value : null;
}
