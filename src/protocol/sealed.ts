import { encodeUtf8 } from "./bytes.ts";

/** What sealing needs: authenticated encryption (AES-256-GCM, tag appended) and a digest (`sha256:…`). */
export interface SealingPowers {
  digest(data: Uint8Array): string;
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array;
  /** Throws when the tag does not fit. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array;
}

/** Bytes of the salt in front of a payload. */
export const SALT_BYTES = 16;
/** Bytes of the nonce in front of sealed bytes. */
export const NONCE_BYTES = 12;

/** Which place in which log sealed bytes belong to; bound into the seal, so that no payload serves another record. */
export interface SealedPlace {
  readonly origin: string;
  readonly seq: number;
}

/** A sealed payload and what its record says of it. */
export interface SealedPayload {
  /** nonce || AES-256-GCM(key, nonce, salt || text) || tag. */
  readonly sealed: Uint8Array;
  /** SHA-256 over salt || text, and the bytes of the text. */
  readonly commitment: { readonly digest: string; readonly bytes: number };
}

/**
 * Seals the text of a payload. The record commits to a salted digest: once the key is destroyed nobody can test guesses
 * of the text against the log, and the proof of the record stays.
 * `salt` and `nonce` must be fresh random bytes.
 */
export function sealPayload(
  text: Uint8Array,
  options: {
    readonly powers: SealingPowers;
    readonly key: Uint8Array;
    readonly salt: Uint8Array;
    readonly nonce: Uint8Array;
    readonly place: SealedPlace;
  },
): SealedPayload {
  const salted = join(options.salt, text);
  const sealed = options.powers.seal(options.key, options.nonce, salted, associated(options.place));
  return {
    sealed: join(options.nonce, sealed),
    commitment: { digest: options.powers.digest(salted), bytes: text.length },
  };
}

/**
 * The text of a sealed payload, or null when the key does not open it (it was destroyed, or the bytes were changed).
 * `commitment` is what the record says; bytes that open but are not those are refused like any other change.
 */
export function openPayload(
  sealed: Uint8Array,
  options: {
    readonly powers: SealingPowers;
    readonly key: Uint8Array;
    readonly place: SealedPlace;
    readonly commitment: { readonly digest: string; readonly bytes: number };
  },
): Uint8Array | null {
  let salted: Uint8Array;
  try {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    salted = options.powers.open(options.key, nonce, sealed.subarray(NONCE_BYTES), associated(options.place));
  } catch {
    return null;
  }
  const text = salted.subarray(SALT_BYTES);
  const fits = options.powers.digest(salted) === options.commitment.digest && text.length === options.commitment.bytes;
  return fits ? text : null;
}

function associated({ origin, seq }: SealedPlace): Uint8Array {
  return encodeUtf8(`aios payload v1\n${origin}\n${seq}\n`);
}

function join(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
