import { concatBytes, encodeUtf8, equalBytes, toBase64 } from "./bytes.ts";
import type { Sha256 } from "./merkle.ts";
import { noteKeyId, splitNote, type NoteKey } from "./note.ts";

/** Cosignatures of checkpoints by witnesses, Ed25519 (c2sp.org/tlog-cosignature). */

const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** A witness that has cosigned a checkpoint, and when, in seconds since 1970 UTC. */
export interface Cosigned {
  readonly witness: NoteKey;
  readonly time: number;
}

/** What a cosignature signs: the text of the checkpoint behind two lines of its own. */
function cosignedMessage(text: string, time: number): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${time}\n${text}`);
}

/** The signature line of a witness under a checkpoint's text; `time` is in seconds since 1970 UTC. */
export function cosign(
  text: string,
  options: {
    readonly key: NoteKey;
    readonly time: number;
    readonly sha256: Sha256;
    sign(message: Uint8Array): Uint8Array;
  },
): string {
  const { key, time, sha256 } = options;
  const stamp = new Uint8Array(TIME_BYTES);
  new DataView(stamp.buffer).setBigUint64(0, BigInt(time));
  const bytes = concatBytes([noteKeyId(sha256, key, "cosignature"), stamp, options.sign(cosignedMessage(text, time))]);
  return `\u2014 ${key.name} ${toBase64(bytes)}\n`;
}

/**
 * Which of these witnesses have cosigned a note; with the newest time where one did so twice. Null when it is no note, or
 * when a signature under the name and id of one of them is wrong: nothing of such a note is believed (ERRORS-DENY).
 */
export function readCosignatures(
  note: string,
  options: {
    readonly witnesses: readonly NoteKey[];
    readonly sha256: Sha256;
    verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  },
): readonly Cosigned[] | null {
  const parts = splitNote(note);
  if (parts === null) return null;
  const found: Cosigned[] = [];
  for (const witness of options.witnesses) {
    const id = noteKeyId(options.sha256, witness, "cosignature");
    let newest = -1;
    for (const each of parts.signatures) {
      if (each.name !== witness.name || !equalBytes(each.id, id)) continue;
      const time = readTime(each.signature);
      if (time === null) return null;
      const signature = each.signature.subarray(TIME_BYTES);
      if (!options.verify(witness.publicKey, cosignedMessage(parts.text, time), signature)) return null;
      newest = Math.max(newest, time);
    }
    if (newest >= 0) found.push({ witness, time: newest });
  }
  return found;
}

function readTime(signature: Uint8Array): number | null {
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return null;
  const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  return time <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(time) : null;
}
