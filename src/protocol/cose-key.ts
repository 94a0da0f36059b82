import { concatBytes, equalBytes } from "./bytes.ts";

/** A public key of a passkey: P-256 (RFC 9053), Ed25519, or RSA with the exponent 65537 (RFC 8812). */
export type CoseKey =
  | { readonly alg: "ES256"; readonly x: Uint8Array; readonly y: Uint8Array }
  | { readonly alg: "EdDSA"; readonly x: Uint8Array }
  | { readonly alg: "RS256"; readonly n: Uint8Array };

// CTAP2 has one encoding for each key (canonical CBOR), so three templates stand for a parser. 32 bytes follow 0x5820.
const ES256_HEAD = Uint8Array.of(0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20);
const ES256_MIDDLE = Uint8Array.of(0x22, 0x58, 0x20);
const EDDSA_HEAD = Uint8Array.of(0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20);
// The length of the modulus follows, two bytes.
const RS256_HEAD = Uint8Array.of(0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59);
const RS256_TAIL = Uint8Array.of(0x21, 0x43, 0x01, 0x00, 0x01);
const COORDINATE = 32;
const MODULI: readonly number[] = [256, 384, 512];

/**
 * Reads the COSE_Key that `bytes` begins with, and how many bytes it has; null when that is not the one canonical encoding
 * of a key of these three kinds. Whether a point lies on its curve is for whoever verifies with it.
 */
export function readCoseKey(bytes: Uint8Array): { readonly key: CoseKey; readonly length: number } | null {
  return readEs256(bytes) ?? readEdDsa(bytes) ?? readRs256(bytes);
}

/** The canonical encoding of a key. */
export function encodeCoseKey(key: CoseKey): Uint8Array<ArrayBuffer> {
  switch (key.alg) {
    case "ES256":
      return concatBytes([ES256_HEAD, key.x, ES256_MIDDLE, key.y]);
    case "EdDSA":
      return concatBytes([EDDSA_HEAD, key.x]);
    case "RS256": {
      const length = Uint8Array.of(key.n.length >> 8, key.n.length & 255);
      return concatBytes([RS256_HEAD, length, key.n, RS256_TAIL]);
    }
    default:
      return key satisfies never;
  }
}

type Read = ReturnType<typeof readCoseKey>;

function readEs256(bytes: Uint8Array): Read {
  const x = bytes.subarray(ES256_HEAD.length, ES256_HEAD.length + COORDINATE);
  const y = bytes.subarray(
    ES256_HEAD.length + COORDINATE + ES256_MIDDLE.length,
    ES256_HEAD.length + 2 * COORDINATE + ES256_MIDDLE.length,
  );
  return x.length === COORDINATE && y.length === COORDINATE ? confirm(bytes, { alg: "ES256", x, y }) : null;
}

function readEdDsa(bytes: Uint8Array): Read {
  const x = bytes.subarray(EDDSA_HEAD.length, EDDSA_HEAD.length + COORDINATE);
  return x.length === COORDINATE ? confirm(bytes, { alg: "EdDSA", x }) : null;
}

function readRs256(bytes: Uint8Array): Read {
  const at = RS256_HEAD.length;
  const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const n = bytes.subarray(at + 2, at + 2 + length);
  // A modulus with a leading zero bit is shorter than it says.
  const whole = MODULI.includes(length) && n.length === length && (n[0] ?? 0) >= 0x80;
  return whole ? confirm(bytes, { alg: "RS256", n }) : null;
}

/** One encoding per value: what was read must encode to the bytes that it was read from. */
function confirm(bytes: Uint8Array, key: CoseKey): Read {
  const encoded = encodeCoseKey(key);
  return equalBytes(encoded, bytes.subarray(0, encoded.length)) ? { key, length: encoded.length } : null;
}
