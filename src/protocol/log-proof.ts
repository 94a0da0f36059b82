import { encodeUtf8, fromBase64 } from "./bytes.ts";
import { createTreeHasher, HASH_BYTES, type Sha256 } from "./merkle.ts";
import { verifyInclusion } from "./merkle-proof.ts";
import { openNote, parseCheckpoint, type CheckpointBody } from "./note.ts";
import type { LogProof } from "./requests.ts";

/** What checking a proof needs. */
export interface ProofPowers {
  sha256(data: Uint8Array): Uint8Array;
  /** Ed25519; never throws. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** What checking a proof gave: the checkpoint that it leads to, or why not. */
export type ProofVerdict =
  | { readonly kind: "verified"; readonly checkpoint: CheckpointBody }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Checks, with nothing but the log's public key, that a record stood at its place in the log (TAMPER-SHOWS).
 * The origin is the one that the key's owner names; a proof from another log is refused.
 */
export function verifyProof(
  proof: LogProof,
  options: { readonly powers: ProofPowers; readonly publicKey: Uint8Array; readonly origin: string },
): ProofVerdict {
  const opened = openCheckpoint(proof.checkpoint, options);
  return opened.kind === "refused" ? opened : leadsTo(opened.checkpoint, proof, options.powers);
}

/** A checkpoint that the log of that name signed. */
export function openCheckpoint(
  note: string,
  options: { readonly powers: ProofPowers; readonly publicKey: Uint8Array; readonly origin: string },
): ProofVerdict {
  const { powers, publicKey, origin } = options;
  const sha256: Sha256 = (data) => powers.sha256(data);
  const verify = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
    powers.verify(key, message, signature);
  const text = openNote(note, { key: { name: origin, publicKey }, sha256, verify });
  if (text === null) return refused(`the checkpoint is not signed by the key of ${origin}`);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint === null || checkpoint.origin !== origin) return refused(`the checkpoint is not one of ${origin}`);
  return { kind: "verified", checkpoint };
}

/** Whether a record stood at its place in the log that a checkpoint is of. */
export function leadsTo(
  checkpoint: CheckpointBody,
  proof: Pick<LogProof, "seq" | "record" | "path">,
  powers: Pick<ProofPowers, "sha256">,
): ProofVerdict {
  const path: Uint8Array[] = [];
  for (const hash of proof.path) {
    const bytes = fromBase64(hash);
    if (bytes?.length !== HASH_BYTES) return refused("the path holds something that is no hash");
    path.push(bytes);
  }
  if (!proof.record.isWellFormed()) return refused("the record is not text");
  if (!sayPlace(proof.record, proof.seq)) return refused(`the record does not say that it is number ${proof.seq}`);
  const hasher = createTreeHasher((data) => powers.sha256(data));
  const leaf = hasher.leaf(encodeUtf8(proof.record));
  const leads = verifyInclusion(hasher, { index: proof.seq, size: checkpoint.size, leaf, path, root: checkpoint.root });
  return leads
    ? { kind: "verified", checkpoint }
    : refused(`the path does not lead from record ${proof.seq} to the root`);
}

/** Whether a leaf is a JSON object whose `seq` is its place. */
export function sayPlace(leaf: string, seq: number): boolean {
  try {
    const record: unknown = JSON.parse(leaf);
    return typeof record === "object" && record !== null && "seq" in record && record.seq === seq;
  } catch {
    return false;
  }
}

function refused(why: string): ProofVerdict {
  return { kind: "refused", why };
}
