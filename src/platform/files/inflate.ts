import { createInflateRaw, crc32 as crc } from "node:zlib";

/**
 * Inflates raw deflate (RFC 1951) piece by piece, each at most 16 KiB, as fast as it is read. `consumed` is how many bytes of
 * the input it was, once it is at its end: what lies behind is not looked at.
 */
export function inflate(deflated: Uint8Array): { readonly pieces: AsyncIterable<Uint8Array>; consumed(): number } {
  const stream = createInflateRaw();
  stream.end(deflated);
  return { pieces: stream, consumed: () => stream.bytesWritten };
}

/** CRC-32 (RFC 1952) of bytes after others whose CRC is `before`. */
export function crc32(bytes: Uint8Array, before: number): number {
  return crc(bytes, before);
}
