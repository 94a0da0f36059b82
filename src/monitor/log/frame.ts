import type { Crypto } from "../../platform/powers.ts";
import { encodeUtf8, equalBytes } from "../../protocol/bytes.ts";

/**
 * Journal segments: what makes a group of records durable with one write and one sync.
 *
 * A segment is a head (magic 16, number of its first record 8, epoch 4, zeros 4) and frames. A frame is one group:
 * head (magic 4, number of its first record 8, count 4, bytes of the body 4, nonce 12), body, tag 16. The tag is
 * AES-256-GCM over nothing with everything before it as associated data (GMAC, SP 800-38D): it finds a torn write as a
 * checksum would, and whoever has no key of the home cannot write or change a frame. The body has for every record its
 * leaf and its sealed payload, each behind its length in four bytes (payload: 0 for none). All integers are big-endian.
 */

/** One record on its way to the tree. */
export interface JournalEntry {
  readonly leaf: Uint8Array;
  /** Sealed payload, or null when the record has none. */
  readonly sealed: Uint8Array | null;
}

/** A group of records that became durable together. */
export interface Frame {
  readonly first: number;
  readonly entries: readonly JournalEntry[];
}

/** Bytes of a segment's head. */
export const SEGMENT_HEAD_BYTES = 32;
const SEGMENT_MAGIC = encodeUtf8("aios log journal");
const FRAME_MAGIC = encodeUtf8("grp1");
const HEAD_BYTES = 32;
const NONCE_AT = 20;
/** Bytes of a frame's nonce. */
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;
const NOTHING = new Uint8Array(0);

/** The head of a segment whose first record is `first`. */
export function encodeSegmentHead({ first, epoch }: { first: number; epoch: number }): Uint8Array {
  const head = new Uint8Array(SEGMENT_HEAD_BYTES);
  head.set(SEGMENT_MAGIC);
  const view = new DataView(head.buffer);
  view.setBigUint64(16, BigInt(first));
  view.setUint32(24, epoch);
  return head;
}

/** Reads the head of a segment, or null when it is none. */
export function decodeSegmentHead(segment: Uint8Array): { first: number; epoch: number } | null {
  if (segment.length < SEGMENT_HEAD_BYTES || !startsWith(segment, SEGMENT_MAGIC)) return null;
  const view = new DataView(segment.buffer, segment.byteOffset);
  const first = view.getBigUint64(16);
  if (first > BigInt(Number.MAX_SAFE_INTEGER) || view.getUint32(28) !== 0) return null;
  return { first: Number(first), epoch: view.getUint32(24) };
}

/** The bytes of one group. `nonce` must be fresh random bytes. */
export function encodeFrame(frame: Frame, options: { crypto: Crypto; key: Uint8Array; nonce: Uint8Array }): Uint8Array {
  let size = 0;
  for (const { leaf, sealed } of frame.entries) size += 2 * LENGTH_BYTES + leaf.length + (sealed?.length ?? 0);
  const bytes = new Uint8Array(HEAD_BYTES + size + TAG_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(FRAME_MAGIC);
  view.setBigUint64(4, BigInt(frame.first));
  view.setUint32(12, frame.entries.length);
  view.setUint32(16, size);
  bytes.set(options.nonce, NONCE_AT);
  let at = HEAD_BYTES;
  for (const { leaf, sealed } of frame.entries) {
    for (const part of [leaf, sealed ?? NOTHING]) {
      view.setUint32(at, part.length);
      bytes.set(part, at + LENGTH_BYTES);
      at += LENGTH_BYTES + part.length;
    }
  }
  const tag = options.crypto.seal(options.key, options.nonce, NOTHING, bytes.subarray(0, at));
  bytes.set(tag, at);
  return bytes;
}

/** What a segment holds: its whole frames in order, and how it ends. */
export interface SegmentContent {
  readonly frames: readonly Frame[];
  /**
   * `whole`: nothing after the last frame. `torn`: what follows is no frame: zeros that were written ahead, or a last write that did not
   * finish and was never acknowledged.
   * `damaged`: something that is no frame is followed by one, which no interrupted write leaves behind.
   */
  readonly end: "whole" | "torn" | "damaged";
}

/** Reads the frames of a segment. Payloads and leaves are views of its bytes. */
export function decodeFrames(
  segment: Uint8Array,
  { crypto, key }: { crypto: Crypto; key: Uint8Array },
): SegmentContent {
  const frames: Frame[] = [];
  let at = SEGMENT_HEAD_BYTES;
  while (at < segment.length) {
    const found = readFrame(segment, { at, crypto, key });
    if (found === null) return { frames, end: frameFollows(segment, { at, crypto, key }) ? "damaged" : "torn" };
    frames.push(found.frame);
    at = found.end;
  }
  return { frames, end: "whole" };
}

interface Place {
  readonly at: number;
  readonly crypto: Crypto;
  readonly key: Uint8Array;
}

function readFrame(segment: Uint8Array, { at, crypto, key }: Place): { frame: Frame; end: number } | null {
  if (segment.length - at < HEAD_BYTES + TAG_BYTES || !startsWith(segment.subarray(at), FRAME_MAGIC)) return null;
  const view = new DataView(segment.buffer, segment.byteOffset + at);
  const first = view.getBigUint64(4);
  const count = view.getUint32(12);
  const body = at + HEAD_BYTES;
  const end = body + view.getUint32(16);
  if (end + TAG_BYTES > segment.length || first > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  const nonce = segment.slice(at + NONCE_AT, at + HEAD_BYTES);
  const tag = crypto.seal(key, nonce, NOTHING, segment.subarray(at, end));
  if (!equalBytes(tag, segment.subarray(end, end + TAG_BYTES))) return null;
  const entries = readEntries(segment.subarray(body, end), count);
  return entries === null ? null : { frame: { first: Number(first), entries }, end: end + TAG_BYTES };
}

function readEntries(body: Uint8Array, count: number): readonly JournalEntry[] | null {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  let at = 0;
  const part = (): Uint8Array | null => {
    if (at + LENGTH_BYTES > body.length) return null;
    const end = at + LENGTH_BYTES + view.getUint32(at);
    if (end > body.length) return null;
    const bytes = body.subarray(at + LENGTH_BYTES, end);
    at = end;
    return bytes;
  };
  const entries: JournalEntry[] = [];
  while (entries.length < count) {
    const leaf = part();
    const sealed = part();
    if (leaf === null || sealed === null) return null;
    entries.push({ leaf, sealed: sealed.length === 0 ? null : sealed });
  }
  return at === body.length ? entries : null;
}

/** Whether an authentic frame begins anywhere after `at`. */
function frameFollows(segment: Uint8Array, place: Place): boolean {
  const [first = 0] = FRAME_MAGIC;
  for (let at = segment.indexOf(first, place.at + 1); at >= 0; at = segment.indexOf(first, at + 1)) {
    if (readFrame(segment, { ...place, at }) !== null) return true;
  }
  return false;
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return equalBytes(bytes.subarray(0, prefix.length), prefix);
}
