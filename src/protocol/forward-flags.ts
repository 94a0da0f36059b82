import { forwardOf, FORWARD, type Forward } from "../kernel/forwards.ts";

/** A forward among the words that a face is started with: `--forward=5432:localhost:5432`. */
const FLAG = /^--forward=([1-9][0-9]{3,4}):([a-z0-9.-]+):([1-9][0-9]{0,4})$/;

/** Writes forwards as words of a command, in their order. */
export function forwardFlags(forwards: readonly Forward[]): readonly string[] {
  return forwards.map(({ inside, host, port }) => `--forward=${inside}:${host}:${port}`);
}

/** Reads them back. Throws a TypeError for a word that begins like one and is none. */
export function readForwardFlags(words: readonly string[]): readonly Forward[] {
  return words.filter((word) => word.startsWith("--forward")).map(readFlag);
}

function readFlag(word: string): Forward {
  const [, inside, host = "", port] = FLAG.exec(word) ?? [];
  const where = { inside: { equals: Number(inside) }, host: { equals: host }, port: { equals: Number(port) } };
  const forward = forwardOf({ what: FORWARD, where });
  if (forward === null) throw new TypeError(`no forward: ${word}`);
  return forward;
}
