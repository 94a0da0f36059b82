import type { LogRecord } from "../../protocol/record.ts";
import { readLeaf } from "./draft.ts";
import type { AuditLogParts } from "./parts.ts";

/** A record with what is kept beside it, still sealed. */
export interface Kept {
  readonly leaf: Uint8Array;
  readonly record: LogRecord;
  readonly sealed: Uint8Array | null;
  /** Null: it has no payload, or the key was destroyed. */
  readonly key: Uint8Array | null;
}

type Parts = Pick<AuditLogParts, "tiles" | "bundles" | "payloads" | "slots" | "held">;

/** Reads records of a log from `from` up to but excluding `to`, in order; each leaf is believed as far as it leads to the root. */
export async function* readKept(
  parts: Parts,
  { from, to, heldFirst }: { readonly from: number; readonly to: number; heldFirst(): number },
): AsyncIterable<Kept> {
  for (let at = from; at < to;) {
    const leaves = (await parts.bundles.read(at, parts.tiles)).slice(0, to - at);
    const sealed = await readSealed(parts, { from: at, to: at + leaves.length, heldFirst: heldFirst() });
    for (const [place, leaf] of leaves.entries()) {
      const record = readLeaf(leaf, at + place);
      const key = record.payload === null ? null : await parts.slots.read(record.seq);
      yield { leaf, record, sealed: sealed[place] ?? null, key };
    }
    at += leaves.length;
  }
}

/** Payloads of the newest records are in memory, from `heldFirst` on, the others in files. */
async function readSealed(
  { payloads, held }: Parts,
  { from, to, heldFirst }: { readonly from: number; readonly to: number; readonly heldFirst: number },
): Promise<readonly (Uint8Array | null)[]> {
  const border = Math.min(Math.max(from, heldFirst), to);
  const recent = held.sealed.slice(border - heldFirst, to - heldFirst);
  return border === from ? recent : [...(await payloads.read(from, border)), ...recent];
}
