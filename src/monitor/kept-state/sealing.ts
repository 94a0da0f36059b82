import { canonicalize } from "../../kernel/canonical.ts";
import type { Crypto, Random } from "../../platform/powers.ts";
import { concatBytes, decodeUtf8, encodeUtf8, fromHex, toHex } from "../../protocol/bytes.ts";
import { decode, integer, literal, object, text, type Decoder } from "../../protocol/decode.ts";
import { deriveKey, type LogKeys } from "../log/keys.ts";

/** What kept bytes say of themselves in clear; bound into every seal. */
export interface KeptHead {
  readonly v: 2;
  readonly origin: string;
  /** The records that were folded. */
  readonly size: number;
  /** Root of the log's tree at that size, hex. */
  readonly root: string;
  /** Whose key it is sealed with: when an erasure ends the epoch, what was kept in it opens never again. */
  readonly epoch: number;
  /** 16 random bytes, hex, which make the key this file's alone. */
  readonly salt: string;
}

const HEAD: Decoder<KeptHead> = object<KeptHead>({
  v: literal(2),
  origin: text({ max: 256 }),
  size: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  root: text({ max: 64, pattern: /^[0-9a-f]{64}$/ }),
  epoch: integer({ min: 1, max: 2 ** 32 - 1 }),
  salt: text({ max: 32, pattern: /^[0-9a-f]{32}$/ }),
});
const MAGIC = "aios state v2\n";
/** What another version of AIOS kept may lack what this one looks for in it. */
const ANY_VERSION = "aios state v";
const MAX_HEAD_BYTES = 1024;
const SALT_BYTES = 16;
const LENGTH_BYTES = 4;
/** Text of one piece, unless a single line is longer: sealing, opening and hashing one is a fraction of a millisecond. */
const PIECE_CHARACTERS = 65_536;
/** A file of a log can be no longer. */
export const MOST_KEPT_BYTES: number = 48 * 1024 * 1024;

/** It cannot be used; why, in words. */
export class KeptStateFault extends Error {}

/**
 * Seals lines: head in one line, then pieces, each behind its length. Pieces carry their number and whether they are the
 * last, so that none can be moved, repeated, left out or taken from another file. `pause` is awaited between two pieces.
 */
export async function sealLines(
  lines: Iterable<string>,
  options: {
    readonly place: Pick<KeptHead, "origin" | "size" | "root">;
    readonly crypto: Crypto;
    readonly random: Pick<Random, "bytes">;
    readonly keys: Pick<LogKeys, "epoch" | "key">;
    pause(): Promise<void>;
  },
): Promise<Uint8Array> {
  const { place, crypto, random, keys, pause } = options;
  const head: KeptHead = { v: 2, ...place, epoch: keys.epoch, salt: toHex(random.bytes(SALT_BYTES)) };
  const headBytes = encodeUtf8(`${MAGIC}${canonicalize({ ...head })}\n`);
  const key = keyOf(head, { crypto, keys });
  const parts: Uint8Array[] = [headBytes];
  let bytes = headBytes.length;
  let number = 0;
  const seal = (piece: string, last: boolean): void => {
    const bound = associated(headBytes, { number, last });
    const sealed = crypto.seal(key, nonceOf(number), encodeUtf8(piece), bound);
    const length = new Uint8Array(LENGTH_BYTES);
    new DataView(length.buffer).setUint32(0, sealed.length);
    parts.push(length, sealed);
    bytes += LENGTH_BYTES + sealed.length;
    number += 1;
    if (bytes > MOST_KEPT_BYTES) throw new KeptStateFault(`it has more than ${MOST_KEPT_BYTES} bytes`);
  };
  let piece = "";
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    seal(piece, false);
    piece = "";
    await pause();
  }
  seal(piece, true);
  return concatBytes(parts);
}

/** The digest by which a record of the log names these bytes. */
export function digestOfKept(bytes: Uint8Array, crypto: Pick<Crypto, "sha256" | "digest">): string {
  const { headBytes, pieces } = split(bytes);
  return crypto.digest(concatBytes([crypto.sha256(headBytes), ...pieces.map((piece) => crypto.sha256(piece))]));
}

/** What the bytes say they are. Throws KeptStateFault. */
export function readHead(bytes: Uint8Array): KeptHead {
  return split(bytes).head;
}

/** The lines that were sealed. Throws KeptStateFault. */
export async function* openLines(
  bytes: Uint8Array,
  options: { readonly crypto: Crypto; readonly keys: Pick<LogKeys, "epoch" | "key">; pause(): Promise<void> },
): AsyncIterable<string> {
  const { head, headBytes, pieces } = split(bytes);
  const key = keyOf(head, options);
  for (const [number, piece] of pieces.entries()) {
    let plain: Uint8Array;
    try {
      const bound = associated(headBytes, { number, last: number === pieces.length - 1 });
      plain = options.crypto.open(key, nonceOf(number), piece, bound);
    } catch {
      throw new KeptStateFault("it was not sealed by this log, or it was changed");
    }
    const lines = (decodeUtf8(plain) ?? "").split("\n");
    if (lines.pop() !== "") throw new KeptStateFault("it does not end with a line");
    yield* lines;
    await options.pause();
  }
}

function split(bytes: Uint8Array): { head: KeptHead; headBytes: Uint8Array; pieces: readonly Uint8Array[] } {
  const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(10, MAGIC.length) + 1;
  const headBytes = bytes.subarray(0, end);
  const head = end === 0 ? null : parseHead(decodeUtf8(headBytes) ?? "");
  if (head === null) throw new KeptStateFault(isOfOthers(headBytes) ? "another version wrote it" : "it has no head");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: Uint8Array[] = [];
  for (let at = end; at < bytes.length;) {
    const next = at + LENGTH_BYTES <= bytes.length ? at + LENGTH_BYTES + view.getUint32(at) : Infinity;
    if (next > bytes.length) throw new KeptStateFault("it is cut");
    pieces.push(bytes.subarray(at + LENGTH_BYTES, next));
    at = next;
  }
  if (pieces.length === 0) throw new KeptStateFault("it is cut");
  return { head, headBytes, pieces };
}

function isOfOthers(head: Uint8Array): boolean {
  const line = decodeUtf8(head) ?? "";
  return line.startsWith(ANY_VERSION) && !line.startsWith(MAGIC);
}

function parseHead(written: string): KeptHead | null {
  if (!written.startsWith(MAGIC)) return null;
  const line = written.slice(MAGIC.length, -1);
  try {
    const decoded = decode(HEAD, JSON.parse(line));
    return decoded.kind === "ok" && canonicalize({ ...decoded.value }) === line ? decoded.value : null;
  } catch {
    return null;
  }
}

/** A key for this file alone, so that its pieces can be numbered for nonces. */
function keyOf(
  { epoch, salt }: Pick<KeptHead, "epoch" | "salt">,
  { crypto, keys }: { readonly crypto: Crypto; readonly keys: Pick<LogKeys, "epoch" | "key"> },
): Uint8Array {
  const key = epoch === keys.epoch ? keys.key(epoch) : null;
  if (key === null) throw new KeptStateFault("the key that it was sealed with was destroyed");
  return deriveKey(crypto, { purpose: "state", key: concatBytes([key, fromHex(salt) ?? new Uint8Array(0)]) });
}

function nonceOf(number: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(8, number);
  return nonce;
}

function associated(
  head: Uint8Array,
  { number, last }: { readonly number: number; readonly last: boolean },
): Uint8Array {
  return concatBytes([head, encodeUtf8(`${number} ${last ? "last" : "more"}\n`)]);
}
