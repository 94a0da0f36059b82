import { decodeUtf8 } from "../../protocol/bytes.ts";
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

/** What of each record is looked at; everything where nothing is said. */
export interface Choice {
  /** Which records are given, by number and bytes: the others are not even decoded. */
  readonly wanted?: (seq: number, leaf: Uint8Array) => boolean;
  /** Leaves what is sealed where it lies. */
  readonly bare?: boolean;
}

/** Without what is sealed, and only those whose text holds one of each of these texts. */
export function bareHaving(having: readonly (readonly string[])[]): Choice {
  if (having.length === 0) return { bare: true };
  const wanted = (_seq: number, leaf: Uint8Array): boolean => {
    const text = decodeUtf8(leaf) ?? "";
    return having.every((some) => some.some((each) => text.includes(each)));
  };
  return { bare: true, wanted };
}

type Parts = Pick<AuditLogParts, "tiles" | "bundles" | "payloads" | "slots" | "held">;

/** Reads records of a log from `from` up to but excluding `to`, in order; each leaf is believed as far as it leads to the root. */
export async function* readKept(
  parts: Parts,
  {
    from,
    to,
    heldFirst,
    wanted = () => true,
    bare = false,
  }: Choice & { readonly from: number; readonly to: number; heldFirst(): number },
): AsyncIterable<Kept> {
  for (let at = from; at < to;) {
    const leaves = (await parts.bundles.read(at, parts.tiles)).slice(0, to - at);
    const first = at;
    at += leaves.length;
    const given = leaves
      .map((leaf, place) => ({ leaf, seq: first + place }))
      .filter((each) => wanted(each.seq, each.leaf));
    const [begin, end] = [given[0]?.seq ?? at, (given.at(-1)?.seq ?? at) + 1];
    const sealed =
      bare || given.length === 0 ? [] : await readSealed(parts, { from: begin, to: end, heldFirst: heldFirst() });
    for (const { leaf, seq } of given) {
      const record = readLeaf(leaf, seq);
      const key = record.payload === null ? null : await parts.slots.read(seq);
      yield { leaf, record, sealed: sealed[seq - begin] ?? null, key };
    }
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
