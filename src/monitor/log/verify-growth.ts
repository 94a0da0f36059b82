import type { LogReader } from "../../platform/log/log-powers.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { foldNodes, HASH_BYTES, rangeNodes, type TreeHasher } from "../../protocol/merkle.ts";
import { consistencyRanges, verifyConsistency } from "../../protocol/merkle-proof.ts";
import type { CheckpointBody } from "../../protocol/note.ts";
import { hashAt, hashInTile, TILE_WIDTH, tileOf, tilePath } from "../../protocol/tile.ts";
import { readHashes } from "./verify-chunk.ts";
import { VerifyRefusal } from "./verify-refusal.ts";

/**
 * Checks that a log, whose own records were verified up to `to`, grew from every earlier checkpoint (TAMPER-SHOWS).
 * Throws VerifyRefusal, which names the first record that is gone, or the records between the last checkpoint that
 * agrees and the first that does not: a root tells that something below it differs, not what.
 */
export async function verifyGrowth(
  reader: LogReader,
  options: {
    readonly earlier: readonly CheckpointBody[];
    readonly to: CheckpointBody;
    readonly hasher: TreeHasher;
  },
): Promise<void> {
  const { earlier, to, hasher } = options;
  let agreed = 0;
  for (const from of earlier.toSorted((left, right) => left.size - right.size)) {
    if (from.size > to.size) {
      const why = `the log has ${to.size} records and had ${from.size}: it was cut or rolled back`;
      throw new VerifyRefusal(why, to.size);
    }
    if (from.size === 0) {
      if (equalBytes(from.root, hasher.empty)) continue;
      throw new VerifyRefusal("the earlier checkpoint of no records has a root that no log without records has");
    }
    const path = await readPath(reader, { from: from.size, to: to.size, hasher });
    if (!verifyConsistency(hasher, { from: from.size, to: to.size, path, fromRoot: from.root, toRoot: to.root })) {
      const where = `among the records ${agreed} to ${from.size - 1} one is not what it was`;
      throw new VerifyRefusal(`the log is not the one of the earlier checkpoint of ${from.size}: ${where}`, agreed);
    }
    agreed = from.size;
  }
}

async function readPath(
  reader: LogReader,
  { from, to, hasher }: { readonly from: number; readonly to: number; readonly hasher: TreeHasher },
): Promise<readonly Uint8Array[]> {
  const path: Uint8Array[] = [];
  for (const range of consistencyRanges(from, to)) {
    const hashes: Uint8Array[] = [];
    for (const node of rangeNodes(range)) {
      const { tile, start, count } = tileOf(node, to);
      const bytes = await readHashes(reader, tile);
      if (bytes?.length !== tile.width * HASH_BYTES) throw new VerifyRefusal(`${tilePath(tile)} is missing or cut`);
      hashes.push(hashInTile(hasher, { tile: bytes, start, count }));
    }
    path.push(foldNodes(hasher, hashes));
  }
  return path;
}

/** A verified log of so many records. */
export interface VerifiedLog {
  readonly reader: LogReader;
  readonly size: number;
}

/**
 * The first record that two verified logs do not have in common, among those that both have; null when there is none.
 * Reads from the highest tiles down, at most two tiles of each log a level below that.
 */
export async function firstDifference(one: VerifiedLog, other: VerifiedLog): Promise<number | null> {
  const size = Math.min(one.size, other.size);
  let level = 0;
  while (size >= TILE_WIDTH ** (level + 1)) level += 1;
  let [start, end] = [0, Math.floor(size / TILE_WIDTH ** level)];
  for (; ; level -= 1) {
    const found = await differenceAt(level, { one, other, start, end });
    if (level === 0) return found;
    // Below a node that differs its children; where all whole nodes agree, what they leave over.
    const nodes = Math.floor(size / TILE_WIDTH ** (level - 1));
    [start, end] = found === null ? [end * TILE_WIDTH, nodes] : [found * TILE_WIDTH, (found + 1) * TILE_WIDTH];
    end = Math.min(end, nodes);
  }
}

async function differenceAt(
  level: number,
  { one, other, start, end }: { one: VerifiedLog; other: VerifiedLog; start: number; end: number },
): Promise<number | null> {
  for (let at = start - (start % TILE_WIDTH); at < end; at += TILE_WIDTH) {
    const [left, right] = await Promise.all([readAt(one, { level, at }), readAt(other, { level, at })]);
    for (let place = Math.max(0, start - at); place < Math.min(TILE_WIDTH, end - at); place += 1) {
      if (!equalBytes(hashAt(left, place), hashAt(right, place))) return at + place;
    }
  }
  return null;
}

async function readAt(
  { reader, size }: VerifiedLog,
  { level, at }: { level: number; at: number },
): Promise<Uint8Array> {
  const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - at);
  const tile = { level, index: at / TILE_WIDTH, width };
  const bytes = await readHashes(reader, tile);
  if (bytes === null) throw new VerifyRefusal(`${tilePath(tile)} is missing or cut`);
  return bytes;
}
