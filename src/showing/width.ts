/** East Asian wide and emoji ranges, which terminals draw in two columns (Unicode TR11). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

/** Columns that one visible character takes: 0 for a mark, 2 for a wide one, else 1. */
export function measureCharacter(character: string): 0 | 1 | 2 {
  if (/^\p{M}$/u.test(character)) return 0;
  return WIDE.test(character) || /^\p{Emoji_Presentation}$/u.test(character) ? 2 : 1;
}

/** Columns that a visible text takes. */
export function measureText(text: string): number {
  let columns = 0;
  for (const character of text) columns += measureCharacter(character);
  return columns;
}

/** Fills a text up with spaces to a width. */
export function padText(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - measureText(text)));
}

/**
 * Cuts a visible text into rows of at most `columns`; nothing is lost, and a code point `‹U+…›` is never cut in two.
 * A space that would end a cut row unseen is shown as `␠`.
 */
export function cutRows(text: string, columns: number): readonly string[] {
  const pieces = piecesOf(text);
  const rows: string[] = [];
  let row = "";
  let used = 0;
  for (const piece of pieces) {
    const width = measureText(piece);
    if (used + width > columns && row !== "") {
      rows.push(row.replace(/ $/u, "␠"));
      row = "";
      used = 0;
    }
    row += piece;
    used += width;
  }
  return row === "" && rows.length > 0 ? rows : [...rows, row];
}

/** A visible text in at most so many columns: of a longer one the beginning and the end, an `…` between them. */
export function cutMiddle(text: string, columns: number): string {
  if (measureText(text) <= columns) return text;
  const pieces = piecesOf(text);
  const half = Math.floor((columns - 1) / 2);
  return `${takeColumns(pieces, columns - 1 - half)}…${takeColumns(pieces.toReversed(), half, "before")}`;
}

/** The beginning of a visible text, of at most `most` UTF-16 units, and an `…` where something is left out; a code point is not cut. */
export function cutEnd(text: string, most: number): string {
  if (text.length <= most) return text;
  let taken = "";
  for (const piece of piecesOf(text)) {
    if (taken.length + piece.length > most) break;
    taken += piece;
  }
  return `${taken}…`;
}

/** As many of the pieces as fit, in their order or each before the last. */
function takeColumns(pieces: readonly string[], columns: number, where: "after" | "before" = "after"): string {
  let [taken, used] = ["", 0];
  for (const piece of pieces) {
    used += measureText(piece);
    if (used > columns) break;
    taken = where === "after" ? taken + piece : piece + taken;
  }
  return taken;
}

/** Its characters, a code point `‹U+…›` as one. */
function piecesOf(text: string): readonly string[] {
  return text.match(/‹U\+[0-9A-F]{4,6}›|./gu) ?? [];
}

/** Breaks prose of our own at spaces into lines of at most `columns`. */
export function wrapProse(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (measureText(joined) > columns && line !== "") {
      lines.push(line);
      line = word;
    } else {
      line = joined;
    }
  }
  return [...lines, line];
}
