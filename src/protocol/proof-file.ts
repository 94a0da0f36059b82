import { decodeUtf8, encodeUtf8, fromBase64, toBase64 } from "./bytes.ts";
import { HASH_BYTES } from "./merkle.ts";
import type { LogProof } from "./requests.ts";

/** Proofs as files that tools of others read: c2sp.org/tlog-proof, with the record as the extra data. */

const HEAD = "c2sp.org/tlog-proof@v1";
const INDEX = /^index (?<index>0|[1-9][0-9]{0,15})$/;
/** A tree of 2^53 records has so many levels. */
const MAX_PATH = 53;
/** Most characters of a proof file: a record of 65,535 bytes, a path, a checkpoint with a hundred signatures. */
export const MAX_PROOF_CHARACTERS: number = 256 * 1024;

/** The file of a proof. */
export function writeProof({ seq, record, path, checkpoint }: LogProof): string {
  const lines = [HEAD, `extra ${toBase64(encodeUtf8(record))}`, `index ${seq}`, ...path];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/** Reads the file of a proof, or gives null when it is none. What it says is unproved until `verifyProof` has seen it. */
export function readProof(text: string): LogProof | null {
  const end = text.indexOf("\n\n");
  if (text.length > MAX_PROOF_CHARACTERS || end < 0) return null;
  const [head, extra = "", index = "", ...path] = text.slice(0, end).split("\n");
  const leaf = extra.startsWith("extra ") ? fromBase64(extra.slice("extra ".length)) : null;
  const record = leaf === null ? null : decodeUtf8(leaf);
  const seq = Number(INDEX.exec(index)?.groups?.["index"] ?? Number.NaN);
  if (head !== HEAD || record === null || !Number.isSafeInteger(seq) || path.length > MAX_PATH) return null;
  if (!path.every((hash) => fromBase64(hash)?.length === HASH_BYTES)) return null;
  return { v: 1, seq, record, path, checkpoint: text.slice(end + 2) };
}
