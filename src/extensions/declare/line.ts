/** What an extension says of itself cannot be taken; nothing of it is kept. */
export class DeclareFault extends Error {}

/**
 * A stranger's words as one line: what is no visible character becomes a space, and what is over `most` is cut. Null when
 * nothing is left, or it is no text.
 */
export function asLine(value: unknown, most: number): string | null {
  if (typeof value !== "string") return null;
  const line = value
    .slice(0, most * 4)
    .toWellFormed()
    .replaceAll(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  if (line === "") return null;
  return line.length <= most
    ? line
    : `${line
        .slice(0, most - 3)
        .toWellFormed()
        .replaceAll("\uFFFD", "")}...`;
}

/** Each character that is not seen, or is a space other than U+0020, as `<U+202E>`. */
export function showUnseen(text: string): string {
  return text.replaceAll(/(?! )[\s\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/** Lines without repetition, at most 256 of them, each of at most 256 characters. Throws DeclareFault for more. */
export function asLines(values: readonly unknown[], what: string): readonly string[] {
  const lines = [...new Set(values.map((value) => asLine(value, 256)).filter((line) => line !== null))];
  if (lines.length > 256) throw new DeclareFault(`it names more than 256 ${what}`);
  return lines;
}
