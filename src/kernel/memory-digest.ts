/** Bytes of an entry's digest that are kept at hand: a forger would need 2^64 tries for one entry. */
export const DIGEST_BYTES = 8;

/** The first bytes of a digest that is written `sha256:` and hex. */
export function digestStart(digest: string): Uint8Array {
  const hex = digest.slice("sha256:".length);
  return Uint8Array.from({ length: DIGEST_BYTES }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16));
}

/** 52 bits of such a start at a place, as a number to look it up by. */
export function firstBits(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 20 + (view.getUint32(at + 4) >>> 12);
}
