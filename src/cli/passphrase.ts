import { CliFailure } from "./failure.ts";
import type { Person } from "./powers.ts";

export const MINIMUM_CHARACTERS = 12;
export const MINIMUM_WORDS = 4;

/**
 * Why a new passphrase is too weak, or null. The key file may be copied and tried offline, so that length counts and
 * character classes do not (NIST SP 800-63B, 5.1.1.2): at least 12 characters that are not all the same few, or 4 different words.
 */
export function findWeakness(passphrase: string): string | null {
  const words = new Set(
    passphrase
      .trim()
      .split(/\s+/u)
      .filter((word) => word.length >= 2),
  );
  if (words.size >= MINIMUM_WORDS) return null;
  const characters = Array.from(passphrase.trim());
  if (characters.length < MINIMUM_CHARACTERS)
    return `it needs at least ${MINIMUM_CHARACTERS} characters or ${MINIMUM_WORDS} different words`;
  if (new Set(characters).size < 5) return "it repeats fewer than 5 different characters";
  return null;
}

/** Asks for a new passphrase twice. Throws `CliFailure` (`weak-passphrase`, `passphrases-differ`, `not-confirmed`). */
export async function askNewPassphrase(person: Person, what: string): Promise<string> {
  const first = await person.askPassphrase(`new passphrase for ${what}: `);
  if (first === null || first === "") throw CliFailure.of("not-confirmed", "Nothing was made: no passphrase was given");
  const weakness = findWeakness(first);
  if (weakness !== null) throw CliFailure.of("weak-passphrase", `Cannot take this passphrase: ${weakness}`);
  const second = await person.askPassphrase("the same again: ");
  if (second !== first) throw CliFailure.of("passphrases-differ", "Nothing was made: the two passphrases differ");
  return first;
}
