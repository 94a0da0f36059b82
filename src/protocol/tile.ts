import { foldNodes, HASH_BYTES, rangeNodes, type NodeId, type TreeHasher } from "./merkle.ts";

/**
 * The Merkle tree as files: C2SP tlog-tiles (c2sp.org/tlog-tiles). A tile is up to 256 hashes of one level of the tree,
 * eight levels apart from the next; an entry bundle holds the leaves under a tile of level 0.
 */

/** Hashes in a full tile, leaves in a full bundle. */
export const TILE_WIDTH = 256;
/** Tree levels that one tile spans. */
export const TILE_HEIGHT = 8;
/** Most bytes of one leaf: bundles give its length in two bytes. */
export const MAX_LEAF_BYTES = 65_535;

/** A tile, or the first `width` hashes of one. */
export interface TileId {
  readonly level: number;
  readonly index: number;
  /** 1 to 256. */
  readonly width: number;
}

/** `tile/L/N` or `tile/L/N.p/W`. */
export function tilePath({ level, index, width }: TileId): string {
  return `tile/${level}/${numberPath(index)}${suffix(width)}`;
}

/** `tile/entries/N` or `tile/entries/N.p/W`. */
export function bundlePath(index: number, width: number): string {
  return `tile/entries/${numberPath(index)}${suffix(width)}`;
}

/** Path of the folder with the partial versions of a tile or bundle whose full path is given. */
export function partialsPath(full: string): string {
  return `${full}.p`;
}

/** Tiles of the right edge that are not full in a tree of `size`, lowest level first; a level without one is left out. */
export function partialTiles(size: number): readonly TileId[] {
  const tiles: TileId[] = [];
  let nodes = size;
  for (let level = 0; nodes > 0; level += 1) {
    const width = nodes % TILE_WIDTH;
    nodes = Math.floor(nodes / TILE_WIDTH);
    if (width > 0) tiles.push({ level, index: nodes, width });
  }
  return tiles;
}

/** Where the partial tiles and the partial bundle of a tree of `size` are. */
export function partialPaths(size: number): readonly { readonly path: string }[] {
  const tiles = partialTiles(size);
  const [lowest] = tiles;
  const bundle = lowest?.level === 0 ? [{ path: bundlePath(lowest.index, lowest.width) }] : [];
  return [...bundle, ...tiles.map((tile) => ({ path: tilePath(tile) }))];
}

/** The tile that the hash of a node is computed from, at the width that it has in a tree of `size`, and where in it. */
export function tileOf(
  node: NodeId,
  size: number,
): { readonly tile: TileId; readonly start: number; readonly count: number } {
  const level = Math.floor(node.level / TILE_HEIGHT);
  const count = 2 ** (node.level % TILE_HEIGHT);
  const first = node.index * count;
  const index = Math.floor(first / TILE_WIDTH);
  const nodes = Math.floor(size / TILE_WIDTH ** level);
  const width = Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH);
  const start = first - index * TILE_WIDTH;
  if (width < start + count)
    throw new RangeError(`Cannot read node ${node.level}/${node.index}: not in a tree of ${size}`);
  return { tile: { level, index, width }, start, count };
}

/** Hash over `count` (a power of two) hashes of a tile from `start` on. */
export function hashInTile(
  hasher: TreeHasher,
  options: { tile: Uint8Array; start: number; count: number },
): Uint8Array {
  const { tile, start, count } = options;
  if (tile.length < (start + count) * HASH_BYTES) throw new RangeError("Cannot hash in a tile: it is too short");
  let hashes = Array.from({ length: count }, (_, at) => hashAt(tile, start + at));
  while (hashes.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < hashes.length; at += 2) {
      above.push(hasher.node(hashes[at] ?? hasher.empty, hashes[at + 1] ?? hasher.empty));
    }
    hashes = above;
  }
  return hashes[0] ?? hasher.empty;
}

/** Hash over all hashes of a tile, full or partial. */
export function hashOfTile(hasher: TreeHasher, tile: Uint8Array): Uint8Array {
  const nodes = rangeNodes({ start: 0, end: tile.length / HASH_BYTES });
  const hashes = nodes.map(({ level, index }) => {
    const count = 2 ** level;
    return hashInTile(hasher, { tile, start: index * count, count });
  });
  return foldNodes(hasher, hashes);
}

/** The hash at one place of a tile; a view, not a copy. */
export function hashAt(tile: Uint8Array, place: number): Uint8Array {
  return tile.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES);
}

/** Leaves one after another, each behind its length in two bytes, big-endian. Throws RangeError for a leaf that is too long. */
export function encodeBundle(leaves: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(leaves.reduce((size, leaf) => size + 2 + leaf.length, 0));
  let at = 0;
  for (const leaf of leaves) {
    if (leaf.length > MAX_LEAF_BYTES) throw new RangeError(`Cannot store a leaf of ${leaf.length} bytes`);
    bundle[at] = leaf.length >> 8;
    bundle[at + 1] = leaf.length & 255;
    bundle.set(leaf, at + 2);
    at += 2 + leaf.length;
  }
  return bundle;
}

/** The leaves of a bundle (views, not copies), or null when the bytes are not exactly `count` of them. */
export function decodeBundle(bundle: Uint8Array, count: number): readonly Uint8Array[] | null {
  const leaves: Uint8Array[] = [];
  let at = 0;
  while (leaves.length < count) {
    const [high, low] = [bundle[at], bundle[at + 1]];
    if (high === undefined || low === undefined) return null;
    const end = at + 2 + high * 256 + low;
    if (end > bundle.length) return null;
    leaves.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return at === bundle.length ? leaves : null;
}

function suffix(width: number): string {
  return width === TILE_WIDTH ? "" : `.p/${width}`;
}

/** 1234067 becomes `x001/x234/067`. */
function numberPath(index: number): string {
  let path = digits(index % 1000);
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${digits(rest % 1000)}/${path}`;
  }
  return path;
}

function digits(value: number): string {
  return String(value).padStart(3, "0");
}
