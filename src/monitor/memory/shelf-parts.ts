import type { Crypto, Random } from "../../platform/powers.ts";
import { concatBytes, encodeUtf8, fromBase64, toBase64 } from "../../protocol/bytes.ts";
import type { IndexKey } from "./shelf-orders.ts";

const NONCE_BYTES = 12;

/** Wraps the key of a part of the index for the plane that it is of: moved to another it does not open. Base64. */
export function wrapPart(
  key: Uint8Array,
  options: {
    readonly place: string;
    readonly wrapping: IndexKey;
    readonly crypto: Pick<Crypto, "seal">;
    readonly random: Pick<Random, "bytes">;
  },
): string {
  const nonce = options.random.bytes(NONCE_BYTES);
  return toBase64(
    concatBytes([nonce, options.crypto.seal(options.wrapping.key, nonce, key, encodeUtf8(options.place))]),
  );
}

/** The key of a part, or null: it is wrapped under another, for another plane, or damaged. */
export function unwrapPart(
  wrapped: string,
  options: { readonly place: string; readonly wrapping: IndexKey; readonly crypto: Pick<Crypto, "open"> },
): Uint8Array | null {
  const bytes = fromBase64(wrapped);
  if (bytes === null) return null;
  const [nonce, sealed] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES)];
  try {
    return options.crypto.open(options.wrapping.key, nonce, sealed, encodeUtf8(options.place));
  } catch {
    return null;
  }
}

/** 52 bits of a keyed hash. The input has a key of one length in front and the output is cut, so nothing extends it. */
export function tokenOf(key: Uint8Array, word: string, crypto: Pick<Crypto, "sha256">): number {
  const hash = crypto.sha256(concatBytes([key, encodeUtf8(word)]));
  const view = new DataView(hash.buffer, hash.byteOffset);
  return view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12);
}
