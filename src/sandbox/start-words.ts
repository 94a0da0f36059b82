import type { StartedProgram } from "./evidence.ts";

/** Most bytes of one start's words as the log writes them, which is JSON; of its program's name half of them. */
export const START_MOST = 2048;
/** The same of its arguments once an instance has used up its pace. */
export const HURRIED_MOST = 256;
/** How many bytes of arguments an instance has in a minute before fewer of each start are kept. */
export const PACE: { readonly bytes: number; readonly ms: number } = { bytes: 4 * 1024 * 1024, ms: 60_000 };

/** How much is kept of one instance's starts. */
export interface StartKeeper {
  /** A start with no more words than are kept of it; `cut` says when there were more. */
  keep(start: StartedProgram): StartedProgram;
}

/**
 * Bounds what an agent's starts add to the log, whatever words it gives them: one start, and all of a minute. No start is
 * left out, and of each at least the beginning is kept, so that nothing hides behind many.
 * @param now milliseconds, for durations only.
 */
export function createStartKeeper(now: () => number): StartKeeper {
  let since = now();
  let used = 0;
  return {
    keep(start) {
      if (now() - since >= PACE.ms) [since, used] = [now(), 0];
      const program = beginning(start.program, START_MOST / 2);
      const most = used < PACE.bytes ? START_MOST - bytesOf(program) : HURRIED_MOST;
      const kept: string[] = [];
      let left = most;
      let cut = start.cut || program !== start.program;
      for (const word of start.arguments) {
        const shown = left < 1 ? null : beginning(word, left);
        if (shown !== word) cut = true;
        if (shown === null) break;
        kept.push(shown);
        // With its quotation marks and the comma.
        left -= bytesOf(shown) + 3;
      }
      used += most - left;
      return { ...start, program, arguments: kept, cut };
    },
  };
}

/** The longest beginning of whole characters that has at most so many bytes in JSON. */
function beginning(text: string, most: number): string {
  if (6 * text.length <= most) return text; // as long as any can be
  let end = 0;
  let bytes = 0;
  for (const character of text) {
    bytes += bytesOf(character);
    if (bytes > most) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** Bytes of a text between its quotation marks in JSON. */
function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) bytes += "\b\t\n\f\r".includes(character) ? 2 : 6;
    else if (code < 0x80) bytes += character === '"' || character === "\\" ? 2 : 1;
    else if (code < 0x800) bytes += 2;
    // Half of a pair alone is written as an escape.
    else if (code < 0x1_0000) bytes += code >= 0xd800 && code <= 0xdfff ? 6 : 3;
    else bytes += 4;
  }
  return bytes;
}
