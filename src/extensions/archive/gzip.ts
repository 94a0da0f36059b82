import type { Bounds } from "./bounds.ts";
import { refuse } from "./fault.ts";
import type { UnpackParts } from "./unpack.ts";

const HEADER = 10;
const TRAILER = 8;
const [HAS_CRC, HAS_EXTRA, HAS_NAME, HAS_COMMENT] = [2, 4, 8, 16];
const KNOWN_FLAGS = 31;

/**
 * Unpacks gzip (RFC 1952): exactly one member and nothing behind it. What tools make of a second member, or of bytes behind
 * the last, differs between them, so there is none. Throws ArchiveFault.
 */
export async function* gunzip(
  archive: Uint8Array,
  parts: Pick<UnpackParts, "inflate" | "crc32"> & { readonly most: number; readonly bounds: Bounds },
): AsyncGenerator<Uint8Array> {
  const start = readHeader(archive);
  const inflating = parts.inflate(archive.subarray(start));
  let crc = 0;
  let size = 0;
  try {
    for await (const piece of inflating.pieces) {
      size += piece.length;
      if (size > parts.most) refuse("archive-bomb", `of its ${archive.length} bytes it makes more than ${parts.most}`);
      crc = parts.crc32(piece, crc);
      yield piece;
    }
  } catch (error) {
    rethrow(error);
  }
  const end = start + inflating.consumed();
  if (end + TRAILER !== archive.length) refuse("archive-malformed", "there are bytes behind its end, or too few");
  const trailer = new DataView(archive.buffer, archive.byteOffset + end, TRAILER);
  // RFC 1952: the size is modulo 2^32, which the bounds are far below.
  if (trailer.getUint32(0, true) !== crc || trailer.getUint32(4, true) !== size)
    refuse("archive-malformed", "its checksum does not fit");
}

/** Where the deflated data begins. */
function readHeader(archive: Uint8Array): number {
  const [first, second, method, flags = 0] = archive;
  if (archive.length < HEADER + TRAILER || first !== 0x1f || second !== 0x8b || method !== 8)
    return refuse("archive-malformed", "it is no gzip");
  if ((flags & ~KNOWN_FLAGS) !== 0) return refuse("archive-malformed", "it has flags that nobody defined");
  let at = HEADER;
  if ((flags & HAS_EXTRA) !== 0) at += 2 + (archive[at] ?? 0) + 256 * (archive[at + 1] ?? 0);
  for (const flag of [HAS_NAME, HAS_COMMENT]) if ((flags & flag) !== 0) at = skipText(archive, at);
  if ((flags & HAS_CRC) !== 0) at += 2;
  return at + TRAILER <= archive.length ? at : refuse("archive-malformed", "it ends in its head");
}

function skipText(archive: Uint8Array, from: number): number {
  const end = archive.indexOf(0, from);
  return end < 0 ? refuse("archive-malformed", "it ends in its head") : end + 1;
}

/** What inflating throws means the archive; our own faults are handed on. */
export function rethrow(error: unknown): never {
  if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
    return refuse("archive-malformed", "its compressed data is damaged or cut short");
  throw error;
}
