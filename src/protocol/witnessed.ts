import { readCosignatures, type Cosigned } from "./cosignature.ts";
import type { ProofPowers } from "./log-proof.ts";
import type { NoteKey } from "./note.ts";

/** Which cosignatures a checkpoint must carry to be believed. */
export interface WitnessDemand {
  readonly keys: readonly NoteKey[];
  /** How many of them, at least one. */
  readonly quorum: number;
  /** Cosignatures from before this moment do not count; seconds since 1970 UTC. */
  readonly since: number;
}

/** What a note's cosignatures came to: who counted, or why they are too few. */
export type Witnessed =
  { readonly kind: "witnessed"; readonly by: readonly Cosigned[] } | { readonly kind: "refused"; readonly why: string };

/** Compares the cosignatures of a note with what is demanded. The log's own signature is somebody else's to check. */
export function findWitnesses(note: string, demand: WitnessDemand, powers: ProofPowers): Witnessed {
  const found = readCosignatures(note, {
    witnesses: demand.keys,
    sha256: (data) => powers.sha256(data),
    verify: (key, message, signature) => powers.verify(key, message, signature),
  });
  if (found === null) return { kind: "refused", why: "a cosignature on the checkpoint is wrong" };
  const by = found.filter(({ time }) => time >= demand.since);
  if (by.length >= Math.max(1, demand.quorum)) return { kind: "witnessed", by };
  const old = found.length - by.length;
  const late = old === 0 ? "" : `, ${old} more too long ago`;
  return {
    kind: "refused",
    why: `${by.length} of ${demand.keys.length} witnesses cosigned it, not ${demand.quorum}${late}`,
  };
}
