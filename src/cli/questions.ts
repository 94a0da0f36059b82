import type { Asker, StandingQuestion } from "../platform/terminal/terminal.ts";
import { makeVisible } from "../showing/visible.ts";
import type { Person } from "./powers.ts";

/** One question, with the passphrase that its answer takes. */
export interface Question extends Asker {
  /** Why it is over, in visible text, or null while it is not. */
  readonly over: string | null;
}

/**
 * The questions of one terminal, one after the other. What happens while one stands ends it, or is said beside it: an answer to
 * what is over would be typed for nothing, and what is typed after a question that ended by itself would go elsewhere.
 */
export interface Questions {
  /** Why nothing is asked any more, or null. */
  readonly over: string | null;
  /**
   * The next question, which takes the place of the one before.
   * @param about digests of the actions that it is about.
   * @param redraw shows them anew, for the width that the screen has now.
   */
  ask(about: readonly string[], redraw: () => void): Question;
  /** Ends the question over this action, in visible text. False when none stands over it. */
  end(action: string, words: string): boolean;
  /** Ends the question that stands, and each that would be asked from now on. */
  endAll(words: string): void;
  /** Shows the question that stands anew, below what was said meanwhile. */
  again(): void;
}

/** What a question says when the action that it is about ends elsewhere: let run (null), or denied with a code. */
export function tellEnd(code: string | null): string {
  return code === null ? "It was answered elsewhere" : `It is held no more: ${makeVisible(code)}`;
}

/** A person whose every question is one of these, so that what ends them all ends it too. */
export function askThrough(person: Person, questions: Questions, redraw: () => void): Person {
  const by = (asker: Asker | undefined): Asker => asker ?? questions.ask([], redraw);
  return {
    askLine: (prompt, asker) => person.askLine(prompt, by(asker)),
    askPassphrase: (prompt, asker) => person.askPassphrase(prompt, by(asker)),
  };
}

export function createQuestions(): Questions {
  let over: string | null = null;
  let open: { readonly about: readonly string[]; standing: StandingQuestion | null; over: string | null } | null = null;

  return {
    get over() {
      return over;
    },
    ask(about, redraw) {
      const mine: NonNullable<typeof open> = { about, standing: null, over };
      open = mine;
      return {
        redraw,
        get over() {
          return mine.over;
        },
        attach(standing) {
          mine.standing = standing;
          if (standing !== null && mine.over !== null) standing.end(mine.over);
        },
      };
    },
    end(action, words) {
      if (open === null || !open.about.includes(action)) return false;
      open.over ??= words;
      open.standing?.end(words);
      return open.standing !== null;
    },
    endAll(words) {
      over ??= words;
      if (open === null) return;
      open.over ??= words;
      open.standing?.end(words);
    },
    again() {
      open?.standing?.again();
    },
  };
}
