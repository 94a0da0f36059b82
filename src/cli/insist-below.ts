import { join, line, plainText, writeLines, type Line } from "../showing/line.ts";
import { cutRows, measureText, wrapProse } from "../showing/width.ts";
import { confirm } from "./confirm.ts";
import { CliFailure } from "./failure.ts";
import type { CliPowers, Screen } from "./powers.ts";
import { createQuestions } from "./questions.ts";
import { askBelow } from "./show-held.ts";
import type { SigningSession } from "./signing-session.ts";

/** What is shown before it is signed. */
export interface Below {
  /** Visible text, for so many columns; what is longer is broken into rows here, and never by the terminal. */
  lines(columns: number): readonly Line[];
  readonly question: string;
  readonly screen: Screen;
}

/**
 * Shows lines and asks below them, anew for each width that the terminal has meanwhile; a no ends the command with `not-confirmed`.
 * @returns the session to sign with, whose passphrase is asked for below the same lines.
 */
export async function insistBelow(
  { powers, session }: { readonly powers: Pick<CliPowers, "person">; readonly session: SigningSession },
  { lines, question, screen }: Below,
): Promise<SigningSession> {
  const { answer, asker } = await askBelow(
    { screen, questions: createQuestions() },
    {
      about: [],
      draw: (columns) => writeLines(screen, [...lines(columns).flatMap((each) => fold(each, columns)), line("")]),
      ask: (by) => confirm(powers, question, by),
    },
  );
  if (!answer) throw CliFailure.of("not-confirmed", "Nothing was signed: you did not say yes");
  return { ...session, unlock: () => session.unlock(asker) };
}

/** A line in as many rows as it takes. What goes on stands further in than any line begins, so that it passes for none. */
export function fold(shown: Line, columns: number): readonly Line[] {
  const text = plainText(shown);
  if (measureText(text) <= columns) return [shown];
  const tone = shown.pieces.at(-1)?.tone ?? "plain";
  const [first = ""] = cutRows(text, columns);
  const rest = cutRows(text.slice(first.length), Math.max(1, columns - INDENT.length));
  return [line(first, tone), ...rest.map((row) => join(INDENT, [tone, row]))];
}

/** Prose of our own, broken at spaces. */
export function prose(texts: readonly string[]): Below["lines"] {
  return (columns) => texts.flatMap((text) => wrapProse(text, columns)).map((row) => line(row));
}

const INDENT = "      ";
