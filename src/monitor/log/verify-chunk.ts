import type { LogReader } from "../../platform/log-powers.ts";
import { decodeUtf8, equalBytes } from "../../protocol/bytes.ts";
import { sayPlace } from "../../protocol/log-proof.ts";
import { GrowingTree, HASH_BYTES, type Range, type TreeHasher } from "../../protocol/merkle.ts";
import {
  bundlePath,
  decodeBundle,
  hashAt,
  TILE_HEIGHT,
  TILE_WIDTH,
  tilePath,
  type TileId,
} from "../../protocol/tile.ts";

/** Records of one chunk: those under one tile of level 1. Chunks can be verified in any order, in workers too. */
export const CHUNK_RECORDS: number = TILE_WIDTH * TILE_WIDTH;

/** What a chunk gave: the hashes of its `rangeNodes` (counted from its own start), or the first record that is wrong. */
export type ChunkResult =
  | { readonly kind: "ok"; readonly hashes: readonly Uint8Array[] }
  | { readonly kind: "refused"; readonly at: number; readonly why: string };

/**
 * Checks the records `start` to `end` of a log: every leaf against its hash in the tile, every leaf's own number, and
 * the tile of level 1 above. `start` is a multiple of `CHUNK_RECORDS`. Holds one bundle in memory at a time.
 */
export async function verifyChunk(
  reader: LogReader,
  { range, hasher }: { readonly range: Range; readonly hasher: TreeHasher },
): Promise<ChunkResult> {
  const above: Uint8Array[] = [];
  const tree = new GrowingTree(hasher, ({ level }, hash) => {
    if (level === TILE_HEIGHT) above.push(hash);
  });
  for (let start = range.start; start < range.end; start += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, range.end - start);
    const wrong = await addBundle(reader, { start, width, hasher, tree });
    if (wrong !== null) return wrong;
  }
  if (above.length > 0) {
    const tile = { level: 1, index: range.start / CHUNK_RECORDS, width: above.length };
    const bytes = await readHashes(reader, tile);
    const wrong = bytes === null ? 0 : above.findIndex((hash, place) => !equalBytes(hash, hashAt(bytes, place)));
    if (wrong >= 0) {
      const why = bytes === null ? "is missing or cut" : "is not what the tiles below it hash to";
      return { kind: "refused", at: range.start + wrong * TILE_WIDTH, why: `${tilePath(tile)} ${why}` };
    }
  }
  return { kind: "ok", hashes: tree.edge() };
}

/** The leaves of a bundle at a width, from its own file or the one of the full bundle; null when neither holds them. */
export async function readLeaves(
  reader: LogReader,
  index: number,
  width: number,
): Promise<readonly Uint8Array[] | null> {
  for (const held of width === TILE_WIDTH ? [TILE_WIDTH] : [width, TILE_WIDTH]) {
    const bytes = await reader.read(bundlePath(index, held));
    if (bytes !== null) return decodeBundle(bytes, held)?.slice(0, width) ?? null;
  }
  return null;
}

/** A tile at its width, from its own file or the one of the full tile; null when neither holds it. */
export async function readHashes(reader: LogReader, tile: TileId): Promise<Uint8Array | null> {
  const partial = await reader.read(tilePath(tile));
  if (partial !== null) return partial.length === tile.width * HASH_BYTES ? partial : null;
  const full = await reader.read(tilePath({ ...tile, width: TILE_WIDTH }));
  return full?.length === TILE_WIDTH * HASH_BYTES ? full.subarray(0, tile.width * HASH_BYTES) : null;
}

async function addBundle(
  reader: LogReader,
  options: { readonly start: number; readonly width: number; readonly hasher: TreeHasher; readonly tree: GrowingTree },
): Promise<ChunkResult | null> {
  const { start, width, hasher, tree } = options;
  const tile = { level: 0, index: start / TILE_WIDTH, width };
  const leaves = await readLeaves(reader, tile.index, width);
  if (leaves === null) return refused(start, `${bundlePath(tile.index, width)} is missing or is no bundle of ${width}`);
  const hashes = await readHashes(reader, tile);
  if (hashes === null) return refused(start, `${tilePath(tile)} is missing or cut`);
  for (const [place, leaf] of leaves.entries()) {
    const hash = hasher.leaf(leaf);
    const seq = start + place;
    if (!equalBytes(hash, hashAt(hashes, place))) return refused(seq, "the record does not hash to what its tile says");
    if (!sayPlace(decodeUtf8(leaf) ?? "", seq)) return refused(seq, "the record does not say that it stands here");
    tree.append(hash);
  }
  return null;
}

function refused(at: number, why: string): ChunkResult {
  return { kind: "refused", at, why };
}
