import { randomBytes } from "node:crypto";
import { stretch } from "./owner-key.ts";
import type { Signer } from "../powers.ts";
import { createSigner } from "./signer.ts";

/** Crockford's base32: no letter that looks like a digit. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS = 5;
const GROUP = 4;
const CODE = /^([1-9])([0-9a-hjkmnp-tv-z]{20})$/;
const SALT_BYTES = 16;

/** A code as its owner keeps it, and what is kept of it: docs/formats/statement.md. */
export interface MadeCode {
  /** `N-xxxx-xxxx-xxxx-xxxx-xxxx`: which one it is, and 100 random bits. */
  readonly text: string;
  /** 32 lower-case hex digits. */
  readonly salt: string;
  readonly signer: Signer;
}

/** Makes so many codes, at most nine. Takes some tenths of a second and 128 MiB for each, one after another. */
export async function makeRecoveryCodes(count: number): Promise<readonly MadeCode[]> {
  const made: MadeCode[] = [];
  for (let number = 1; number <= count; number += 1) {
    const digits = Array.from(randomBytes(GROUPS * GROUP), (byte) => DIGITS.charAt(byte & 31)).join("");
    const salt = randomBytes(SALT_BYTES).toString("hex");
    const text = `${number}-${digits.replaceAll(/.{4}(?=.)/g, "$&-")}`;
    made.push({ text, salt, signer: await openDigits(digits, salt) });
  }
  return made;
}

/**
 * The key of a code that somebody typed, under the salt of the code of that number; null when it cannot be a code, or
 * there is no salt for it. Whether it is the right one is for a signature to show.
 */
export async function openRecoveryCode(typed: string, salts: readonly (string | null)[]): Promise<Signer | null> {
  const plain = typed.toLowerCase().replaceAll(/[\s-]/g, "");
  const [, number = "", digits = ""] =
    CODE.exec(plain.slice(0, 1) + plain.slice(1).replaceAll("o", "0").replaceAll(/[il]/g, "1")) ?? [];
  const salt = salts[Number(number) - 1];
  return salt === undefined || salt === null || digits === "" ? null : await openDigits(digits, salt);
}

async function openDigits(digits: string, salt: string): Promise<Signer> {
  const seed = await stretch(digits, Buffer.from(salt, "hex"));
  const signer = createSigner(seed);
  seed.fill(0);
  return signer;
}
