import { addressOf, bindFunction } from "../libc.ts";

const PAGE = 4096;
const IOVEC_BYTES = 16;
const POINTER_BYTES = 8;

const processVmReadv = bindFunction<[number, Buffer, number, Buffer, number, number]>(
  "long process_vm_readv(int, void *, unsigned long, void *, unsigned long, unsigned long)",
);

/** Addresses from here on are the kernel's. */
const HALF = 1n << 63n;
/** On arm64 the bit below the tag says that. */
const TAGGED_HALF = 1n << 55n;

const scratch = Buffer.alloc(2 * PAGE);
const local = Buffer.alloc(IOVEC_BYTES);
const remote = Buffer.alloc(3 * IOVEC_BYTES);
const scratchAddress = addressOf(scratch);

/**
 * A user's address without its tag; null when it is none. A process of arm64 may have the kernel take addresses with anything
 * in their top byte (`Documentation/arch/arm64/tagged-address-abi`): not read here, what such a call names would be done all
 * the same, and missing in the log.
 */
export function plainAddress(address: bigint, arch: string = process.arch): bigint | null {
  const half = arch === "arm64" ? TAGGED_HALF : HALF;
  return address === 0n || (address & half) !== 0n ? null : address & (half - 1n);
}

/**
 * Reads up to `most` bytes (at most two pages) of another process at an address (process_vm_readv(2)), fewer where its
 * memory ends; the bytes are good until the next call. It asks for no file of /proc, which a process can close by
 * becoming undumpable. What is read may change before, during and after: it is evidence, never a decision.
 */
export function readForeign(pid: number, at: { readonly address: bigint; readonly most: number }): Buffer {
  const start = plainAddress(at.address);
  if (start === null) return scratch.subarray(0, 0);
  // One piece a page: the kernel gives whole pieces or none.
  let pieces = 0;
  let address = start;
  let left = Math.min(at.most, scratch.length);
  while (left > 0 && pieces < 3) {
    const length = Math.min(left, PAGE - Number(address % BigInt(PAGE)));
    remote.writeBigUInt64LE(address, pieces * IOVEC_BYTES);
    remote.writeBigUInt64LE(BigInt(length), pieces * IOVEC_BYTES + 8);
    address += BigInt(length);
    left -= length;
    pieces++;
  }
  local.writeBigUInt64LE(scratchAddress, 0);
  local.writeBigUInt64LE(BigInt(Math.min(at.most, scratch.length)), 8);
  const got = processVmReadv(pid, local, 1, remote, pieces, 0);
  return scratch.subarray(0, Math.max(0, got));
}

/** A text of another process up to its NUL, as UTF-8, at most `most` bytes of it; null when it cannot be read. */
export function readForeignText(
  pid: number,
  at: { readonly address: bigint; readonly most: number },
): { readonly text: string; readonly cut: boolean } | null {
  const bytes = readForeign(pid, { address: at.address, most: at.most + 1 });
  if (bytes.length === 0) return null;
  const end = bytes.indexOf(0);
  if (end >= 0 && end <= at.most) return { text: bytes.toString("utf8", 0, end), cut: false };
  return { text: bytes.toString("utf8", 0, Math.min(at.most, bytes.length)), cut: true };
}

/** PATH_MAX, its NUL included. */
const PATH_BYTES = 4096;

/** A path of another process, bytes as characters; `fault` when its memory ends before, `long` when it has no end in time. */
export function readForeignPath(pid: number, address: bigint): { readonly path: string } | "fault" | "long" {
  const bytes = readForeign(pid, { address, most: PATH_BYTES });
  const end = bytes.indexOf(0);
  if (end >= 0) return { path: bytes.toString("latin1", 0, end) };
  return bytes.length === PATH_BYTES ? "long" : "fault";
}

/** A null-ended list of texts of another process, at most `most.words` of them. */
export function readForeignTexts(
  pid: number,
  address: bigint,
  most: { readonly words: number; readonly bytes: number },
): { readonly texts: readonly string[]; readonly cut: boolean } {
  const list = readForeign(pid, { address, most: (most.words + 1) * POINTER_BYTES });
  const pointers: bigint[] = [];
  for (let at = 0; at + POINTER_BYTES <= list.length; at += POINTER_BYTES) pointers.push(list.readBigUInt64LE(at));
  const end = pointers.indexOf(0n);
  const wanted = end < 0 ? pointers.slice(0, most.words) : pointers.slice(0, end);
  let cut = end < 0 || end > most.words;
  const texts: string[] = [];
  for (const pointer of wanted.slice(0, most.words)) {
    const read = readForeignText(pid, { address: pointer, most: most.bytes });
    texts.push(read?.text ?? "");
    cut ||= read === null || read.cut;
  }
  return { texts, cut };
}
