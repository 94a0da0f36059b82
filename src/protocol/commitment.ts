import { canonicalize } from "../kernel/canonical.ts";

/** Shortest and longest value of a secret, in characters. What is shorter would be found in everything that is scrubbed. */
export const SECRET_CHARACTERS: { readonly min: number; readonly max: number } = Object.freeze({ min: 8, max: 8192 });
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** What a value is committed to with: 32 random bytes as hex, so that nobody can try values against the commitment. */
export const SALT: RegExp = /^[0-9a-f]{64}$/;

/** Why a text cannot be a secret, or null: it has to fit into a header as it is. Nothing of the text is in the answer. */
export function secretProblem(value: string): string | null {
  const { min, max } = SECRET_CHARACTERS;
  if (value.length < min || value.length > max) return `it has ${value.length} characters, not ${min} to ${max}`;
  return VALUE.test(value) ? null : "it has characters other than printable ASCII, or a space at an end";
}

/** The text whose SHA-256 is the commitment to a value, and which is what is sealed (docs/formats/statement.md). */
export function committedText({ salt, value }: { readonly salt: string; readonly value: string }): string {
  return canonicalize({ secret: 1, salt, value });
}
