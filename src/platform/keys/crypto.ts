import { createPublicKey, hash, verify, type JsonWebKey, type KeyObject } from "node:crypto";
import type { CoseKey } from "../../protocol/cose-key.ts";
import { nodeGcm, TAG_BYTES, type Gcm } from "./gcm.ts";
import type { Crypto } from "../powers.ts";

// RFC 8410: SubjectPublicKeyInfo of an Ed25519 key is this prefix and the 32 raw bytes.
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const DIGEST_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

// Parsing a key costs half of a verification. A home has few owners; the bound is for a peer that sends many keys.
const CACHED_KEYS = 64;

/** Sealed bytes up to the second length share an allocation of the first. */
const SHARED_BYTES = 65_536;
const SHORT_BYTES = 4096;

/**
 * Makes the cryptography of this machine on OpenSSL: SHA-256, Ed25519 (RFC 8032), AES-256-GCM (SP 800-38D).
 * @param gcm another way to the same cipher, for whoever seals much.
 */
export function createCrypto(gcm: Gcm = nodeGcm): Crypto {
  const keys = new Map<string, KeyObject>();
  return Object.freeze({
    sha256,
    digest: (data: string | Uint8Array) => `sha256:${hash("sha256", data, "hex")}`,
    verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => {
      if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
      try {
        return verify(null, message, importKey(keys, publicKey), signature);
      } catch {
        return false; // ERRORS-DENY: what cannot be verified is not verified.
      }
    },
    verifyCose,
    seal: createSeal(gcm),
    open: createOpen(gcm),
  });
}

function verifyCose(key: CoseKey, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    // A signature of P-256 is in DER here, as WebAuthn says (section 6.5.5); OpenSSL takes nothing else.
    return verify(
      key.alg === "EdDSA" ? null : "sha256",
      message,
      createPublicKey({ key: jwkOf(key), format: "jwk" }),
      signature,
    );
  } catch {
    return false; // ERRORS-DENY
  }
}

function jwkOf(key: CoseKey): JsonWebKey {
  switch (key.alg) {
    case "ES256":
      return { kty: "EC", crv: "P-256", x: urlText(key.x), y: urlText(key.y) };
    case "EdDSA":
      return { kty: "OKP", crv: "Ed25519", x: urlText(key.x) };
    case "RS256":
      return { kty: "RSA", n: urlText(key.n), e: "AQAB" };
    default:
      return key satisfies never;
  }
}

function urlText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/** By way of a text with one character for each byte, which becomes bytes in a third of the time that a `Buffer` takes to be made. */
function sha256(data: string | Uint8Array): Uint8Array {
  const text = hash("sha256", data, "binary");
  const bytes = new Uint8Array(DIGEST_BYTES);
  for (let index = 0; index < DIGEST_BYTES; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
}

function importKey(keys: Map<string, KeyObject>, publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString("latin1");
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
  if (keys.size >= CACHED_KEYS) keys.clear();
  keys.set(name, key);
  return key;
}

function createSeal(gcm: Gcm): Crypto["seal"] {
  // Sealed bytes are no secret: short ones share an allocation. One for each would cost the allocator and the garbage
  // collector as much as the cipher does.
  let shared = new Uint8Array(0);
  let used = 0;
  return seal;

  function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array {
    checkLengths(key, nonce);
    const sealed = roomFor(plain.length + TAG_BYTES);
    gcm.seal(plain, { key, nonce, associated, sealed });
    return sealed;
  }

  function roomFor(length: number): Uint8Array {
    if (length > SHORT_BYTES) return new Uint8Array(length);
    if (used + length > shared.length) {
      shared = new Uint8Array(SHARED_BYTES);
      used = 0;
    }
    used += length;
    return shared.subarray(used - length, used);
  }
}

function createOpen(gcm: Gcm): Crypto["open"] {
  return (key, nonce, sealed, associated) => {
    checkLengths(key, nonce);
    if (sealed.length < TAG_BYTES)
      throw new RangeError(`Cannot open sealed bytes: ${sealed.length} are fewer than the tag`);
    const plain = new Uint8Array(sealed.length - TAG_BYTES);
    gcm.open(sealed, { key, nonce, associated, plain });
    return plain;
  };
}

function checkLengths(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw new RangeError(`Cannot use a key of ${key.length} bytes for AES-256-GCM`);
  // GCM takes nonces of other lengths and hashes them, which brings collisions nearer (SP 800-38D, 8.2).
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`Cannot use a nonce of ${nonce.length} bytes for AES-256-GCM`);
}
