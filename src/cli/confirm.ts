import { CliFailure } from "./failure.ts";
import type { Asker } from "../platform/terminal/terminal.ts";
import type { CliPowers } from "./powers.ts";

/** How often a question is asked whose answer is neither. */
const TRIES = 3;

/**
 * Asks a yes-or-no question at the terminal. What is neither is most often a passphrase, typed too early: it is told from a
 * no, shown nowhere, and asked for where it belongs. Throws `CliFailure` `no-terminal`.
 */
export async function confirm(powers: Pick<CliPowers, "person">, question: string, asker?: Asker): Promise<boolean> {
  if (powers.person === null) {
    throw CliFailure.of(
      "no-terminal",
      "Cannot ask: there is no terminal to confirm and sign at",
      "run this command at a terminal; nothing else can sign for you",
    );
  }
  let prompt = `${question} [y/N] `;
  for (let time = 0; time < TRIES; time++) {
    const answer = (await powers.person.askLine(prompt, asker))?.trim().toLowerCase() ?? "";
    if (answer === "y" || answer === "yes") return true;
    if (answer === "" || answer === "n" || answer === "no") return false;
    prompt = "Type y or n here; a passphrase is asked for by its name: ";
  }
  return false;
}

/** The same, where no ends the command with `not-confirmed`. */
export async function insist(powers: Pick<CliPowers, "person">, question: string): Promise<void> {
  if (!(await confirm(powers, question)))
    throw CliFailure.of("not-confirmed", "Nothing was signed: you did not say yes");
}
