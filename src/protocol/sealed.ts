import { createUtf8Scratch, encodeUtf8, fromHex, toHex } from "./bytes.ts";

/** What sealing needs: SHA-256 and authenticated encryption (AES-256-GCM, tag appended). */
export interface SealingPowers {
  sha256(data: Uint8Array): Uint8Array;
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array;
  /** Throws when the tag does not fit. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array;
}

/** Random bytes of a salt; in front of the text they are twice as many hex digits. */
export const SALT_BYTES = 16;
/** The salt in front of a payload's text, in hex digits. */
export const SALT_DIGITS: number = 2 * SALT_BYTES;
const NONCE_BYTES = 12;
const DIGEST = /^sha256:(?<hex>[0-9a-f]{64})$/;

const scratch = createUtf8Scratch();

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
  const digest = powers.sha256(salted);
  const sealed = powers.seal(key, digest.subarray(0, NONCE_BYTES), salted, associated(place));
  return { sealed, commitment: { digest: `sha256:${toHex(digest)}`, bytes: salted.length - SALT_DIGITS } };
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
  const digest = fromHex(DIGEST.exec(commitment.digest)?.groups?.["hex"] ?? "");
  if (digest === null || digest.length === 0) return null;
  let salted: Uint8Array;
  try {
    salted = powers.open(key, digest.subarray(0, NONCE_BYTES), sealed, associated(place));
  } catch {
    return null;
  }
  const fits = toHex(powers.sha256(salted)) === toHex(digest) && salted.length - SALT_DIGITS === commitment.bytes;
  return fits ? salted : null;
}

function associated({ origin, seq }: SealedPlace): Uint8Array {
  return encodeUtf8(`aios payload v1\n${origin}\n${seq}\n`);
}
