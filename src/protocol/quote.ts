/**
 * A text as it may stand in a message, a record or on a terminal: in double quotes, everything but printable ASCII
 * written as an escape, cut after `max` characters. Hostile text must not draw, reorder or hide what is around it
 * (terminal escapes, bidirectional controls, zero-width and tag characters).
 */
export function quote(text: string, max = 64): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return `"${escapeText(cut)}"`;
}

/** A text with `"`, `\` and everything but printable ASCII escaped as in JSON (the ellipsis of a cut is kept). */
export function escapeText(text: string): string {
  return text.replaceAll(/["\\]|[^ -~…]/g, (unit) =>
    unit === '"' || unit === "\\" ? `\\${unit}` : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
