/** Escape sequences of a terminal (ECMA-48), by which programs colour what they say. */
// oxlint-disable-next-line no-control-regex -- ESC begins each of them
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/gu;
const MOST = 200;

/**
 * Why a program did not go on, of what it wrote to standard error: the last line that speaks of an error, since Node and
 * others write more around it, else the first one. A stranger's words in one line that can be shown, at most 200 characters;
 * empty when there is nothing.
 */
export function firstWords(text: string): string {
  const lines = text
    .slice(0, 65_536)
    .toWellFormed()
    .replaceAll(SEQUENCES, "")
    .split(/[\r\n]+/u)
    .map((line) => line.replaceAll(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim())
    .filter((line) => line !== "");
  const told = lines.findLast((line) => /\berror\b|Error:/iu.test(line)) ?? lines[0] ?? "";
  return told.length <= MOST
    ? told
    : `${told
        .slice(0, MOST - 3)
        .toWellFormed()
        .replaceAll("\uFFFD", "")}...`;
}

/** How a server ended or stood still, with why it says that it did. */
export function withFirstWords(how: string, errors: string): string {
  const words = firstWords(errors);
  return words === "" ? `${how}, and wrote nothing to standard error` : `${how}; on standard error it wrote: ${words}`;
}
