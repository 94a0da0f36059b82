import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto";

const CIPHER = "aes-256-gcm";
/** Bytes of the tag, which stands behind what is encrypted. */
export const TAG_BYTES = 16;

/** What bytes are sealed under: key of 32 bytes, nonce of 12, and what is authenticated beside them. */
export interface SealedUnder {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly associated: Uint8Array;
}

/** AES-256-GCM (SP 800-38D). Whoever calls it has checked all lengths. */
export interface Gcm {
  /** Fills `sealed`, which is `TAG_BYTES` longer than `plain`. */
  seal(plain: Uint8Array, options: SealedUnder & { readonly sealed: Uint8Array }): void;
  /** Fills `plain`, which is `TAG_BYTES` shorter than `sealed`. Throws when the tag does not fit; what is in `plain` then is nothing to use. */
  open(sealed: Uint8Array, options: SealedUnder & { readonly plain: Uint8Array }): void;
}

/** Node's own. A key object costs 3 µs; raw bytes cost 30 µs more, since Node 24 tells them apart by a thrown exception. */
export const nodeGcm: Gcm = Object.freeze({
  seal(plain: Uint8Array, { key, nonce, associated, sealed }: SealedUnder & { readonly sealed: Uint8Array }) {
    const cipher = createCipheriv(CIPHER, createSecretKey(key), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated);
    sealed.set(cipher.update(plain), 0);
    cipher.final();
    sealed.set(cipher.getAuthTag(), plain.length);
  },
  open(sealed: Uint8Array, { key, nonce, associated, plain }: SealedUnder & { readonly plain: Uint8Array }) {
    const decipher = createDecipheriv(CIPHER, createSecretKey(key), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(plain.length));
    plain.set(decipher.update(sealed.subarray(0, plain.length)), 0);
    decipher.final();
  },
});
