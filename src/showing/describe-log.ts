import type { LogTrouble } from "../protocol/log-trouble.ts";
import { makeVisible } from "./visible.ts";

/** A log that takes no records, in one visible line: what it is, its code, what it means and what to do. */
export function tellLogTrouble({ code, message, hint }: LogTrouble): string {
  return `The log takes no records, so nothing starts and no effect happens: ${makeVisible(message)} (${code}). ${makeVisible(hint)}`;
}
