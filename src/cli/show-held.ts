import type { HeldDetail } from "../protocol/requests.ts";
import { renderEqual } from "../showing/held-batch.ts";
import { line, writeLines, type Line } from "../showing/line.ts";
import { LEAST_COLUMNS, type Rendered } from "../showing/render-action.ts";
import { makeVisible } from "../showing/visible.ts";
import type { CliPowers, Screen } from "./powers.ts";
import type { Question, Questions } from "./questions.ts";

/** Nothing that was drawn for another width stands beside what is read (SHOWN-SIGNED-RUN). */
export const BLANK = "\u001b[2J\u001b[H";

/**
 * Held actions that are equal, for a terminal as it is now. Refused on one that is too narrow: it would break the rows itself, so
 * that a piece of an argument could stand where a row of ours begins.
 */
export function renderFor(
  { columns }: Pick<Screen, "columns">,
  {
    details,
    crypto,
  }: { readonly details: readonly HeldDetail[]; readonly crypto: Pick<CliPowers["crypto"], "digest"> },
): Rendered {
  if (columns < LEAST_COLUMNS)
    return { kind: "refused", why: `the terminal has ${columns} columns, and it takes at least ${LEAST_COLUMNS}` };
  return renderEqual(details, { digest: crypto.digest, columns });
}

/** Held actions on the screen, and whether all of them is shown. */
export interface Shown<Answer> {
  readonly answer: Answer;
  /** Who asked, for the passphrase that the answer takes. */
  readonly asker: Question;
  /** As they stood on the screen when the answer was given. */
  readonly rendered: Rendered;
}

/**
 * Shows something and asks about it, anew for each width that the screen has meanwhile: an answer to rows of another width is asked
 * for once more. `draw` writes it for so many columns.
 */
export async function askBelow<Answer>(
  { screen, questions }: { readonly screen: Screen; readonly questions: Questions },
  shown: {
    /** Digests of the actions that it is about. */
    readonly about: readonly string[];
    draw(columns: number): void;
    ask(asker: Question): Promise<Answer>;
  },
): Promise<{ readonly answer: Answer; readonly asker: Question }> {
  let columns = 0;
  const draw = (): void => {
    columns = screen.columns;
    shown.draw(columns);
  };
  const asker = questions.ask(shown.about, () => {
    if (screen.terminal) screen.write(BLANK);
    draw();
  });
  draw();
  for (;;) {
    const answer = await shown.ask(asker);
    if (columns === screen.columns) return { answer, asker };
    asker.redraw();
  }
}

/** Shows held actions and asks about them. `ask` is told whether all of them is shown, as it is at that moment. */
export async function showAndAsk<Answer>(
  parts: { readonly powers: Pick<CliPowers, "crypto">; readonly screen: Screen; readonly questions: Questions },
  held: {
    readonly details: readonly HeldDetail[];
    readonly ask: (asker: Question, inFull: () => boolean) => Promise<Answer>;
  },
): Promise<Shown<Answer>> {
  const { details } = held;
  const drawn: { rendered: Rendered } = { rendered: { kind: "refused", why: "" } };
  const asked = await askBelow(parts, {
    about: details.map(({ digest }) => digest),
    draw(columns) {
      drawn.rendered = renderFor({ columns }, { details, crypto: parts.powers.crypto });
      writeLines(parts.screen, linesOf(drawn.rendered, details));
    },
    ask: (asker) => held.ask(asker, () => drawn.rendered.kind === "shown"),
  });
  return { ...asked, rendered: drawn.rendered };
}

function linesOf(rendered: Rendered, [first]: readonly HeldDetail[]): readonly Line[] {
  if (rendered.kind === "shown") return [...rendered.lines, line("")];
  return [line(`cannot be shown in full: ${makeVisible(first?.what ?? "")}: ${rendered.why}`, "bad")];
}
