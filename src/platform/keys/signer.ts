import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { Signer } from "../powers.ts";

// RFC 8410: PrivateKeyInfo of an Ed25519 key is this prefix and the 32-byte seed.
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SEED_BYTES = 32;

/**
 * Makes a signer from a raw 32-byte Ed25519 seed (RFC 8032). The seed is copied into OpenSSL and the bytes made on the
 * way are cleared; the caller clears its own. Throws `RangeError` for a seed of another length.
 */
export function createSigner(seed: Uint8Array): Signer {
  if (seed.length !== SEED_BYTES) throw new RangeError(`Cannot make a signer from a seed of ${seed.length} bytes`);
  const der = Buffer.alloc(PKCS8_PREFIX.length + SEED_BYTES);
  der.set(PKCS8_PREFIX, 0);
  der.set(seed, PKCS8_PREFIX.length);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = new Uint8Array(spki.subarray(spki.length - 32));
  return Object.freeze({ publicKey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, key)) });
}
