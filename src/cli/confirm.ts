import { CliFailure } from "./failure.ts";
import type { CliPowers } from "./powers.ts";

/** Asks a yes-or-no question at the terminal; anything but `y` or `yes` is no. Throws `CliFailure` `no-terminal`. */
export async function confirm(powers: Pick<CliPowers, "person">, question: string): Promise<boolean> {
  if (powers.person === null) {
    throw CliFailure.of(
      "no-terminal",
      "Cannot ask: there is no terminal to confirm and sign at",
      "run this command at a terminal; nothing else can sign for you",
    );
  }
  const answer = await powers.person.askLine(`${question} [y/N] `);
  return answer !== null && /^(?:y|yes)$/iu.test(answer.trim());
}

/** The same, where no ends the command with `not-confirmed`. */
export async function insist(powers: Pick<CliPowers, "person">, question: string): Promise<void> {
  if (!(await confirm(powers, question)))
    throw CliFailure.of("not-confirmed", "Nothing was signed: you did not say yes");
}
