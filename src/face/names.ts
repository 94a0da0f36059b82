import type { Proposal, Verb } from "../kernel/action.ts";
import { DRIVER_NAME } from "../kernel/names.ts";

const SEPARATOR = "__";
const NAME = /^[\x20-\x7e]{1,256}$/;
const LONGEST_NAME = 256;

/** The driver of what no driver offers. The monitor denies it as an unknown tool, so that the attempt is recorded. */
export const UNKNOWN_DRIVER = "unknown";

/** What the agent sees of a driver's tool or prompt: `driver__name` (MCP clients forbid `/` in names). */
export function joinName(driver: string, name: string): string {
  return `${driver}${SEPARATOR}${name}`;
}

/**
 * The driver and name that an agent's word stands for, split at the first `__`: driver names have no underscore.
 * A word that cannot be an action's name is given to the unknown driver, escaped, and still goes to the monitor:
 * it decides and records, the face does not.
 */
export function splitName(word: string): { readonly driver: string; readonly name: string } {
  const at = word.indexOf(SEPARATOR);
  const driver = word.slice(0, Math.max(at, 0));
  const name = at === -1 ? "" : word.slice(at + SEPARATOR.length);
  if (DRIVER_NAME.test(driver) && NAME.test(name)) return { driver, name };
  return { driver: UNKNOWN_DRIVER, name: escapeName(word) };
}

/** A proposal for a resource. A URI that cannot be an action's name goes to the unknown driver, escaped. */
export function proposeRead(driver: string, uri: string): Proposal {
  const fits = NAME.test(uri);
  return {
    verb: "read",
    driver: fits ? driver : UNKNOWN_DRIVER,
    name: fits ? uri : escapeName(uri),
    arguments: {},
  };
}

/** A proposal for a tool or prompt by the word that the agent used. */
export function proposeNamed(verb: Exclude<Verb, "read">, word: string, argumentsOf: Proposal["arguments"]): Proposal {
  return { verb, ...splitName(word), arguments: argumentsOf };
}

/** Printable ASCII, 1 to 256 characters, for any text: other characters become `\u{…}`, the rest is cut. */
export function escapeName(word: string): string {
  let escaped = "";
  for (const character of word) {
    const printable = character >= " " && character <= "~" && character !== "\\";
    escaped += printable ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
    if (escaped.length >= LONGEST_NAME) break;
  }
  return escaped === "" ? "\\u{}" : escaped.slice(0, LONGEST_NAME);
}
