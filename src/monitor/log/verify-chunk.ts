import type { LogReader } from "../../platform/log/log-powers.ts";
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
 * the tile of level 1 above. `start` is a multiple of `CHUNK_RECORDS`. Holds two bundles in memory at a time: the next
 * is read while one is hashed.
 */
export async function verifyChunk(
  reader: LogReader,
  { range, hasher }: { readonly range: Range; readonly hasher: TreeHasher },
): Promise<ChunkResult> {
  const above: Uint8Array[] = [];
  const tree = new GrowingTree(hasher, ({ level }, hash) => {
    if (level === TILE_HEIGHT) above.push(hash);
  });
  let next = range.start < range.end ? readPart(reader, { start: range.start, end: range.end }) : null;
  while (next !== null) {
    const part: Part = await next;
    const end = part.start + part.width;
    next = end < range.end ? readPart(reader, { start: end, end: range.end }) : null;
    next?.catch(() => {}); // whoever awaits it is told; after a refusal nobody does
    const wrong = addPart(part, { hasher, tree });
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

/** The records of one bundle, and their hashes as the tile has them; null for what is missing or cut. */
interface Part {
  readonly start: number;
  readonly width: number;
  readonly leaves: readonly Uint8Array[] | null;
  readonly hashes: Uint8Array | null;
}

async function readPart(reader: LogReader, { start, end }: Range): Promise<Part> {
  const width = Math.min(TILE_WIDTH, end - start);
  const index = start / TILE_WIDTH;
  const [leaves, hashes] = await Promise.all([
    readLeaves(reader, index, width),
    readHashes(reader, { level: 0, index, width }),
  ]);
  return { start, width, leaves, hashes };
}

function addPart(
  { start, width, leaves, hashes }: Part,
  { hasher, tree }: { readonly hasher: TreeHasher; readonly tree: GrowingTree },
): ChunkResult | null {
  const index = start / TILE_WIDTH;
  if (leaves === null) return refused(start, `${bundlePath(index, width)} is missing or is no bundle of ${width}`);
  if (hashes === null) return refused(start, `${tilePath({ level: 0, index, width })} is missing or cut`);
  let seq = start;
  for (const leaf of leaves) {
    const hash = hasher.leaf(leaf);
    if (!equalBytes(hash, hashAt(hashes, seq - start)))
      return refused(seq, "the record does not hash to what its tile says");
    if (!sayPlace(decodeUtf8(leaf) ?? "", seq)) return refused(seq, "the record does not say that it stands here");
    tree.append(hash);
    seq += 1;
  }
  return null;
}

function refused(at: number, why: string): ChunkResult {
  return { kind: "refused", at, why };
}
