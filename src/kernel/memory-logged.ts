import type { Proposal } from "./action.ts";
import { canonicalize } from "./canonical.ts";
import { MEMORY_DRIVER } from "./memory.ts";

/** Arguments of memory that say what is kept, or what somebody hopes to find there. */
const CONTENT: ReadonlySet<string> = new Set(["text", "query"]);

/**
 * What the log has of an action: its text, but for one of memory, whose content must end with the key of its entry and so
 * stands in no other payload. The nonce goes with it: with it, guesses of the content could be held against the digest of the
 * action in the record.
 */
export function loggedText(action: Proposal, text: string): string {
  if (action.driver !== MEMORY_DRIVER) return text;
  const { verb, driver, name } = action;
  const rest = Object.entries(action.arguments).filter(([argument]) => !CONTENT.has(argument));
  return canonicalize({ verb, driver, name, arguments: Object.fromEntries(rest) });
}
