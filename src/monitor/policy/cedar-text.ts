/**
 * A text as a Cedar string literal. Everything but plain printable ASCII is written as an escape, so that no text of a
 * grant can end the literal, start a comment or show differently from what it says.
 * The text must be well-formed UTF-16; a lone surrogate throws RangeError, since Cedar has no text for it.
 */
export function quoteString(text: string): string {
  return `"${escapeUnits(text, /["\\]|[^ -~]/gu)}"`;
}

/** The pattern, for the right of `like`, that matches exactly the texts that begin with `prefix`. */
export function quotePrefix(prefix: string): string {
  return `"${escapeUnits(prefix, /["\\*]|[^ -~]/gu)}*"`;
}

/** An entity reference: `Agent::"scout"`. */
export function quoteEntity(type: "Agent" | "Action" | "Driver", id: string): string {
  return `${type}::${quoteString(id)}`;
}

/** Cedar's escapes (docs.cedarpolicy.com, policies/syntax-grammar): `\"`, `\\`, `\u{…}`, and in patterns `\*`. */
function escapeUnits(text: string, special: RegExp): string {
  if (!text.isWellFormed()) throw new RangeError("Cannot write a text as Cedar: it holds a lone surrogate");
  return text.replaceAll(special, (point) =>
    point === '"' || point === "\\" || point === "*"
      ? `\\${point}`
      : `\\u{${(point.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
