import { toHex } from "./bytes.ts";

/** Encodings of the points of small order on edwards25519, their sign bit cleared: hex, as they stand in a key (RFC 8032). */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/**
 * What is wrong with 32 bytes as somebody's Ed25519 public key, as the end of a sentence, or null. Under a key of small order
 * anybody makes signatures that verify, without a private key; one that is not in its only encoding is one key with two
 * spellings (Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs", 2020). OpenSSL 3.0
 * takes both, and 3.5 does not take signatures under the first. A point that is not on
 * the curve is not looked for: under that nothing verifies.
 */
export function faultOfPublicKey(key: Uint8Array): string | null {
  const plain = Uint8Array.from(key, (byte, at) => (at === 31 ? byte & 0x7f : byte));
  if (SMALL_ORDER.has(toHex(plain))) return "is of small order, so that anybody can sign under it";
  // The field ends at 2^255 - 19: what is not below that is another number written with too much.
  const over = (plain[0] ?? 0) >= 0xed && plain[31] === 0x7f && plain.subarray(1, 31).every((byte) => byte === 0xff);
  return over ? "is not in the one encoding of its point" : null;
}
