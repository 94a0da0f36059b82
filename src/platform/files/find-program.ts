import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";

/** Why a command does not become a program, in the codes of a record; shells end with 127 and 126 for the same. */
export interface NoProgram {
  readonly kind: "no-program" | "bad-program";
  readonly why: string;
  readonly hint: string;
}

/** Characters of an interpreter's name that are shown. */
const SHOWN_MOST = 128;

/**
 * Where a command's first word leads: itself when it holds a slash, otherwise the first executable file of that name in
 * `path`, a search path; or why it leads nowhere.
 */
export function findProgram(
  word: string,
  path: string,
): { readonly kind: "found"; readonly program: string } | NoProgram {
  const places = word.includes("/")
    ? [word]
    : path.split(":").flatMap((folder) => (folder === "" ? [] : [resolve(folder, word)]));
  let closest: NoProgram | null = null;
  for (const program of places) {
    const problem = problemOf(program);
    if (problem === null) return { kind: "found", program };
    if (problem.kind === "bad-program") closest ??= problem;
  }
  return closest ?? NOWHERE;
}

const NOWHERE: NoProgram = {
  kind: "no-program",
  why: "there is no such program",
  hint: "name it with its path; inside, a folder of yours is there only where a grant shows it",
};

function problemOf(path: string): NoProgram | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return NOWHERE;
    if (found.isDirectory()) return { kind: "bad-program", why: "it is a folder", hint: "name the program in it" };
    if (!found.isFile()) return { kind: "bad-program", why: "it is no ordinary file", hint: "name a program" };
    accessSync(path, constants.X_OK);
    return null;
  } catch {
    return { kind: "bad-program", why: "it may not be executed", hint: "chmod +x makes a file a program" };
  }
}

/** What the first line of a script names to run it, in characters that obey nobody; null when it is no script. */
export function interpreterOf(path: string): string | null {
  const bytes = Buffer.alloc(SHOWN_MOST + 2);
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null; // a program need not be readable
  }
  try {
    const head = bytes.toString("latin1", 0, readSync(fd, bytes));
    const named = /^#![ \t]*([^ \t\n]+)/.exec(head)?.[1];
    return named === undefined ? null : `"${named.replaceAll(/[^!-~]/g, "?")}"`;
  } finally {
    closeSync(fd);
  }
}
