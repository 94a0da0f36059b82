import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Quarantine } from "../kernel/memory-quarantine.ts";
import { readQuarantine } from "../monitor/memory/documents.ts";
import { readLeaf } from "../monitor/log/draft.ts";
import { readJournal } from "../monitor/log/journal.ts";
import { readLeaves } from "../monitor/log/verify-chunk.ts";
import { openEpochKeys } from "../platform/log/epoch-keys.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { equalBytes } from "../protocol/bytes.ts";
import { TILE_WIDTH } from "../protocol/tile.ts";
import { readDrawn } from "./backup-keys.ts";

/** What was taken into quarantine after a backup, and how many records the log that says so has; or why that cannot be known. */
export type LaterQuarantines =
  | { readonly kind: "known"; readonly quarantines: readonly Quarantine[]; readonly end: number }
  | { readonly kind: "unknown"; readonly why: string };

/**
 * Reads what was taken into quarantine after a backup of `size` records from the log beside the keys of the home that it is of.
 * Nothing there has to be believed: a quarantine gives nobody anything. For the same reason none that was taken back is left
 * out: what an owner signed is not checked here, and an owner can sign it again. Quarantines by entries that the backup does
 * not have are left out, since their numbers become those of other entries. A log that ends before what is known of it, or went
 * on from another record than the last of the backup, says nothing of what came after. Changes nothing and never throws.
 */
export async function quarantinesSince(
  parts: { readonly crypto: Crypto; readonly random: Random },
  {
    keys,
    size,
    known,
    last,
    next,
  }: {
    /** The folder `keys`. */
    readonly keys: string;
    readonly size: number;
    /** So many records the log is known to have had. */
    readonly known: number;
    /** The last record of the backup, as it lies in a log. */
    readonly last: Uint8Array;
    /** Number that no entry of the backup has yet, nor any after it. */
    readonly next: number;
  },
): Promise<LaterQuarantines> {
  const folder = join(dirname(keys), "log");
  if (!existsSync(folder)) return { kind: "unknown", why: "there is no log beside the keys" };
  const found = new Map<string, Quarantine>();
  let end = 0;
  try {
    for await (const { seq, leaf } of leavesFrom(size - 1, { ...parts, folder, keys })) {
      end = seq + 1;
      if (seq === size - 1 && !equalBytes(leaf, last)) throw new RangeError("the log beside the keys is another one");
      if (seq < size) continue;
      const record = readLeaf(leaf, seq);
      if (record.kind !== "memory-quarantined") continue;
      const quarantine = readQuarantine({ by: record.by, value: record.value });
      if (quarantine === null) throw new RangeError(`record ${record.seq} is none of a quarantine`);
      const { by, value } = quarantine;
      const isGone = (by === "entry" || by === "entry-alone") && Number(value) >= next;
      if (!isGone) found.set(`${by} ${value}`, quarantine);
    }
    if (end < size) throw new RangeError("the log beside the keys ends before the backup");
    if (end < known) throw new RangeError(`the log beside the keys ends at ${end} records, and had ${known} once`);
  } catch (error) {
    return { kind: "unknown", why: error instanceof Error ? error.message : String(error) };
  }
  return { kind: "known", quarantines: [...found.values()], end };
}

/** The records of a log that nobody has open from one on: those that lie in its public files, then those of its journal. */
async function* leavesFrom(
  start: number,
  {
    folder,
    keys,
    ...powers
  }: { readonly crypto: Crypto; readonly random: Random; readonly folder: string; readonly keys: string },
): AsyncIterable<{ readonly seq: number; readonly leaf: Uint8Array }> {
  const files = openLogFiles(folder);
  const slots = openLogFiles(join(keys, "payload-slots"));
  const content = await readJournal({
    ...powers,
    files,
    keys: Object.assign(openEpochKeys(keys, readDrawn), { files: slots }),
  });
  if (content === null) throw new RangeError("its journal is gone");
  const { first, entries } = content;
  for (let from = start - (start % TILE_WIDTH); from < first; from += TILE_WIDTH) {
    const to = Math.min(first, from + TILE_WIDTH);
    const leaves = await readLeaves(files, from / TILE_WIDTH, to - from);
    if (leaves?.length !== to - from) throw new RangeError(`its records from ${from} on cannot be read`);
    for (const [place, leaf] of leaves.entries()) if (from + place >= start) yield { seq: from + place, leaf };
  }
  for (const [place, { leaf }] of entries.entries()) if (first + place >= start) yield { seq: first + place, leaf };
}
