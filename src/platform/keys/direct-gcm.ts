import { TAG_BYTES, type Gcm, type SealedUnder } from "./gcm.ts";
import { bindFunction } from "../libc.ts";

/** `EVP_CTRL_AEAD_GET_TAG` and `EVP_CTRL_AEAD_SET_TAG` of OpenSSL's evp.h. */
const [GET_TAG, SET_TAG] = [0x10, 0x11];
const [OPENS, SEALS] = [0, 1];
/** OpenSSL counts bytes in an `int`. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * AES-256-GCM of the OpenSSL that is in Node, called without the objects that Node makes for every message, which cost
 * many times what the cipher does. One context serves all messages, and nothing of a key is left in it after a call.
 * Null when this Node does not let anybody call its OpenSSL 3, or what it gives is not the value of the specification.
 */
export function openDirectGcm(): Gcm | null {
  try {
    const gcm = bindGcm();
    return givesKnownAnswer(gcm) ? gcm : null;
  } catch {
    return null; // Node's own interface gives the same bytes, later.
  }
}

function bindGcm(): Gcm {
  const fetch = bindFunction<[null, string, null]>("uintptr_t EVP_CIPHER_fetch(void *, const char *, const char *)");
  const create = bindFunction<[]>("uintptr_t EVP_CIPHER_CTX_new()");
  const reset = bindFunction<[number]>("int EVP_CIPHER_CTX_reset(uintptr_t)");
  const init = bindFunction<[number, number, null, Uint8Array, Uint8Array, number]>(
    "int EVP_CipherInit_ex(uintptr_t, uintptr_t, void *, uint8_t *, uint8_t *, int)",
  );
  const update = bindFunction<[number, Uint8Array | null, Int32Array, Uint8Array, number]>(
    "int EVP_CipherUpdate(uintptr_t, uint8_t *, int *, uint8_t *, int)",
  );
  const final = bindFunction<[number, Uint8Array, Int32Array]>("int EVP_CipherFinal_ex(uintptr_t, uint8_t *, int *)");
  const control = bindFunction<[number, number, number, Uint8Array]>(
    "int EVP_CIPHER_CTX_ctrl(uintptr_t, int, int, uint8_t *)",
  );
  const cipher = fetch(null, "AES-256-GCM", null);
  const context = create();
  if (cipher === 0 || context === 0) throw new Error("OpenSSL has no AES-256-GCM");
  const length = new Int32Array(1);
  const rest = new Uint8Array(TAG_BYTES);

  return Object.freeze({
    seal(plain: Uint8Array, options: SealedUnder & { readonly sealed: Uint8Array }) {
      try {
        run(SEALS, { under: options, from: plain, to: options.sealed });
        check(final(context, rest, length));
        check(control(context, GET_TAG, TAG_BYTES, options.sealed.subarray(plain.length)));
      } finally {
        reset(context);
      }
    },
    open(sealed: Uint8Array, options: SealedUnder & { readonly plain: Uint8Array }) {
      const { length: end } = options.plain;
      try {
        run(OPENS, { under: options, from: sealed.subarray(0, end), to: options.plain });
        check(control(context, SET_TAG, TAG_BYTES, sealed.subarray(end)));
        check(final(context, rest, length));
      } finally {
        reset(context);
      }
    },
  });

  /** All but the tag. An update of no bytes is left out: OpenSSL would take one without a place to write to for its end. */
  function run(
    way: number,
    { under, from, to }: { readonly under: SealedUnder; readonly from: Uint8Array; readonly to: Uint8Array },
  ): void {
    const { key, nonce, associated } = under;
    if (from.length > MOST_BYTES || associated.length > MOST_BYTES) throw new RangeError("Cannot seal so many bytes");
    check(init(context, cipher, null, key, nonce, way));
    if (associated.length > 0) check(update(context, null, length, associated, associated.length));
    if (from.length > 0) check(update(context, to, length, from, from.length));
  }
}

/** OpenSSL says 1 for what it did; anything else is a failure (ERRORS-DENY). */
function check(result: number): void {
  if (result !== 1) throw new Error("Cannot seal or open: OpenSSL refused, or the tag does not fit");
}

/** Test case 14 of the GCM specification: a key, a nonce and a block of zeros. */
function givesKnownAnswer(gcm: Gcm): boolean {
  const sealed = new Uint8Array(2 * TAG_BYTES);
  const under = { key: new Uint8Array(32), nonce: new Uint8Array(12), associated: new Uint8Array(0) };
  gcm.seal(new Uint8Array(TAG_BYTES), { ...under, sealed });
  return Buffer.from(sealed).toString("hex") === "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
}
