/** What a piece of a line is for; the screen decides how that looks. */
export type Tone = "plain" | "strong" | "faint" | "good" | "bad" | "wait";

/** One line for a human, in pieces. The text of a piece is visible text without controls. */
export interface Line {
  readonly pieces: readonly { readonly tone: Tone; readonly text: string }[];
}

/** SGR parameters (ECMA-48). Only the eight basic colours, which every theme makes readable. */
const CODES: { readonly [tone in Tone]: string | null } = {
  plain: null,
  strong: "1",
  faint: "2",
  good: "32",
  bad: "31",
  wait: "33",
};

/** A line of one tone. */
export function line(text: string, tone: Tone = "plain"): Line {
  return { pieces: [{ tone, text }] };
}

/** A line of several pieces, given as text or as [tone, text]. */
export function join(...pieces: readonly (string | readonly [Tone, string])[]): Line {
  return {
    pieces: pieces.map((piece) =>
      typeof piece === "string" ? { tone: "plain" as const, text: piece } : { tone: piece[0], text: piece[1] },
    ),
  };
}

/** The text of a line without its tones. */
export function plainText(shown: Line): string {
  return shown.pieces.map((piece) => piece.text).join("");
}

/** What lines are written to: visible text, and styles of ours when it has colour. */
interface Screen {
  write(text: string): void;
  readonly colour: boolean;
}

/** Writes lines, in colour when the screen has it. */
export function writeLines(screen: Screen, lines: readonly Line[]): void {
  const text = lines.map((shown) => `${paintLine(screen, shown)}\n`).join("");
  if (text !== "") screen.write(text);
}

/** A line as this screen shows it, in colour or without. */
export function paintLine(screen: Pick<Screen, "colour">, shown: Line): string {
  if (!screen.colour) return plainText(shown);
  return shown.pieces
    .map(({ tone, text }) => (CODES[tone] === null ? text : `\u001b[${CODES[tone]}m${text}\u001b[0m`))
    .join("");
}
