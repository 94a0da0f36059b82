import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Quarantine } from "../kernel/memory-quarantine.ts";
import { readQuarantine } from "../monitor/memory/documents.ts";
import { readLeaf } from "../monitor/log/draft.ts";
import { readJournal } from "../monitor/log/journal.ts";
import { readLeaves } from "../monitor/log/verify-chunk.ts";
import { openEpochKeys } from "../platform/epoch-keys.ts";
import { openLogFiles } from "../platform/log-files.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import type { LogRecord } from "../protocol/record.ts";
import { TILE_WIDTH } from "../protocol/tile.ts";
import { readDrawn } from "./backup-keys.ts";

/** What was taken into quarantine after a backup, or why that cannot be known. */
export type LaterQuarantines =
  | { readonly kind: "known"; readonly quarantines: readonly Quarantine[] }
  | { readonly kind: "unknown"; readonly why: string };

/**
 * Reads what was taken into quarantine after a backup of `size` records from the log beside the keys of the home that it is of.
 * Nothing there has to be believed: a quarantine gives nobody anything. For the same reason none that was taken back is left
 * out: what an owner signed is not checked here, and an owner can sign it again. Quarantines by entries that the backup does
 * not have are left out, since their numbers become those of other entries. Changes nothing and never throws.
 */
export async function quarantinesSince(
  parts: { readonly crypto: Crypto; readonly random: Random },
  {
    keys,
    size,
    next,
  }: {
    /** The folder `keys`. */
    readonly keys: string;
    readonly size: number;
    /** Number that no entry of the backup has yet, nor any after it. */
    readonly next: number;
  },
): Promise<LaterQuarantines> {
  const folder = join(dirname(keys), "log");
  if (!existsSync(folder)) return { kind: "unknown", why: "there is no log beside the keys" };
  const found = new Map<string, Quarantine>();
  try {
    for await (const record of recordsFrom(size, { ...parts, folder, keys })) {
      if (record.kind !== "memory-quarantined") continue;
      const quarantine = readQuarantine({ by: record.by, value: record.value });
      if (quarantine === null) throw new RangeError(`record ${record.seq} is none of a quarantine`);
      const { by, value } = quarantine;
      const isGone = (by === "entry" || by === "entry-alone") && Number(value) >= next;
      if (!isGone) found.set(`${by} ${value}`, quarantine);
    }
  } catch (error) {
    return { kind: "unknown", why: error instanceof Error ? error.message : String(error) };
  }
  return { kind: "known", quarantines: [...found.values()] };
}

/** The records of a log that nobody has open from one on: those that lie in its public files, then those of its journal. */
async function* recordsFrom(
  size: number,
  {
    folder,
    keys,
    ...powers
  }: { readonly crypto: Crypto; readonly random: Random; readonly folder: string; readonly keys: string },
): AsyncIterable<LogRecord> {
  const files = openLogFiles(folder);
  const slots = openLogFiles(join(keys, "payload-slots"));
  const content = await readJournal({
    ...powers,
    files,
    keys: Object.assign(openEpochKeys(keys, readDrawn), { files: slots }),
  });
  if (content === null) throw new RangeError("its journal is gone");
  const { first, entries } = content;
  for (let from = size - (size % TILE_WIDTH); from < first; from += TILE_WIDTH) {
    const to = Math.min(first, from + TILE_WIDTH);
    const leaves = await readLeaves(files, from / TILE_WIDTH, to - from);
    if (leaves?.length !== to - from) throw new RangeError(`its records from ${from} on cannot be read`);
    for (const [place, leaf] of leaves.entries()) if (from + place >= size) yield readLeaf(leaf, from + place);
  }
  for (const [place, { leaf }] of entries.entries()) if (first + place >= size) yield readLeaf(leaf, first + place);
}
