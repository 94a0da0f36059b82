import { createUtf8Scratch, fromHex, toHex } from "./bytes.ts";

/** What sealing needs: SHA-256, as `sha256:` and hex, and authenticated encryption (AES-256-GCM, tag appended). */
export interface SealingPowers {
  digest(data: Uint8Array): string;
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array;
  /** Throws when the tag does not fit. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array;
}

/** Random bytes of a salt; in front of the text they are twice as many hex digits. */
export const SALT_BYTES = 16;
/** The salt in front of a payload's text, in hex digits. */
export const SALT_DIGITS: number = 2 * SALT_BYTES;
/** The nonce is the first 12 bytes of the digest: so many digits behind `sha256:`. */
const NONCE_DIGITS = 24;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const DIGITS_AT = "sha256:".length;

const scratch = createUtf8Scratch();
const placeScratch = createUtf8Scratch();

/** Which place in which log sealed bytes belong to; bound into the seal, so that no payload serves another record. */
export interface SealedPlace {
  readonly origin: string;
  readonly seq: number;
}

/** What a record says of its payload. */
export interface PayloadCommitment {
  /** `sha256:` and the hex of SHA-256(salt || text). */
  readonly digest: string;
  /** Bytes of the text, without the salt. */
  readonly bytes: number;
}

/**
 * Seals the text of a payload: AES-256-GCM over salt || text, both UTF-8. The record commits to a salted digest: once
 * the key is destroyed nobody can test guesses of the text against the log, and the proof of the record stays.
 *
 * The nonce is the first 12 bytes of the digest and stored nowhere else. A key serves one record; when a write failed
 * and the record's number is given again, the same nonce would need the same salt and text, and then it is the same seal.
 * `salt` must be fresh random bytes.
 */
export function sealPayload(
  text: string,
  options: {
    readonly powers: SealingPowers;
    readonly key: Uint8Array;
    readonly salt: Uint8Array;
    readonly place: SealedPlace;
  },
): { readonly sealed: Uint8Array; readonly commitment: PayloadCommitment } {
  const { powers, key, salt, place } = options;
  const salted = scratch(toHex(salt) + text);
  const digest = powers.digest(salted);
  const sealed = powers.seal(key, nonceOf(digest), salted, associated(place));
  return { sealed, commitment: { digest, bytes: salted.length - SALT_DIGITS } };
}

export interface OpeningOptions {
  readonly powers: SealingPowers;
  readonly key: Uint8Array;
  readonly place: SealedPlace;
  readonly commitment: PayloadCommitment;
}

/**
 * Salt and text of a sealed payload as UTF-8 bytes, the very ones that the record's digest is of; or null when the key does not open
 * it or it is not what the record commits to: the key was destroyed, or something was changed.
 */
export function openPayload(sealed: Uint8Array, options: OpeningOptions): Uint8Array | null {
  const { powers, key, place, commitment } = options;
  if (!DIGEST.test(commitment.digest)) return null;
  let salted: Uint8Array;
  try {
    salted = powers.open(key, nonceOf(commitment.digest), sealed, associated(place));
  } catch {
    return null;
  }
  const fits = powers.digest(salted) === commitment.digest && salted.length - SALT_DIGITS === commitment.bytes;
  return fits ? salted : null;
}

/** Throws for what is no digest, as a power that does not keep its word would give it. */
function nonceOf(digest: string): Uint8Array {
  const nonce = fromHex(digest.slice(DIGITS_AT, DIGITS_AT + NONCE_DIGITS));
  if (nonce === null) throw new RangeError("Cannot seal: the digest is not lower-case hex");
  return nonce;
}

/** Good until the next one is asked for: it is used at once. */
function associated({ origin, seq }: SealedPlace): Uint8Array {
  return placeScratch(`aios payload v1\n${origin}\n${seq}\n`);
}
