import { concatBytes, equalBytes } from "../../protocol/bytes.ts";
import {
  foldNodes,
  foldRuns,
  GrowingTree,
  HASH_BYTES,
  rangeNodes,
  type NodeId,
  type Range,
  type TreeHasher,
} from "../../protocol/merkle.ts";
import { consistencyRanges, inclusionRanges, verifyConsistency, verifyInclusion } from "../../protocol/merkle-proof.ts";
import {
  hashInTile,
  partialTiles,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileOf,
  tilePath,
  type TileId,
} from "../../protocol/tile.ts";
import { LogError } from "./error.ts";
import type { Around } from "./log.ts";
import type { LogReader, WholeFile } from "../../platform/log/log-powers.ts";

/** Full tiles are kept for reading again; proofs of neighbouring records share nearly all of theirs. */
const CACHED_TILES = 64;

/** Hashes of one level of tiles that are in memory: from `first`, a multiple of 256, to the right edge. */
interface Level {
  first: number;
  readonly hashes: Uint8Array[];
}

/**
 * The Merkle tree of a log: its right edge in memory, the rest in tile files. Hashes that come from files are believed
 * only as far as they lead to the root in memory (TAMPER-SHOWS).
 */
export class Tiles {
  readonly #hasher: TreeHasher;
  readonly #files: LogReader;
  readonly #levels: (Level | undefined)[] = [];
  readonly #cache = new Map<string, Uint8Array>();
  readonly #tree: GrowingTree;

  private constructor(options: {
    hasher: TreeHasher;
    files: LogReader;
    size: number;
    edge: ReadonlyMap<number, Uint8Array>;
  }) {
    const { hasher, files, size, edge } = options;
    this.#hasher = hasher;
    this.#files = files;
    for (const { level, index, width } of partialTiles(size)) {
      const tile = edge.get(level) ?? hasher.empty;
      const hashes = Array.from({ length: width }, (_, at) => tile.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
      this.#levels[level] = { first: index * TILE_WIDTH, hashes };
    }
    const hashes = rangeNodes({ start: 0, end: size }).map((node) => {
      const { tile, start, count } = tileOf(node, size);
      return hashInTile(hasher, { tile: edge.get(tile.level) ?? hasher.empty, start, count });
    });
    this.#tree = GrowingTree.resume(hasher, { size, hashes, onNode: (id, hash) => this.#keep(id, hash) });
  }

  /** Opens the tree of `size` records from its files. Throws LogError `log-damaged` when one of its right edge is missing. */
  static async open(options: { hasher: TreeHasher; files: LogReader; size: number }): Promise<Tiles> {
    const edge = new Map<number, Uint8Array>();
    for (const tile of partialTiles(options.size)) edge.set(tile.level, await readTile(options.files, tile));
    return new Tiles({ ...options, edge });
  }

  get size(): number {
    return this.#tree.size;
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  append(leaf: Uint8Array): void {
    this.#tree.append(leaf);
  }

  /** Tiles that are full in a tree of `size` but not in one of `from`. */
  fullFiles(from: number, size: number): readonly WholeFile[] {
    const files: WholeFile[] = [];
    let span = TILE_WIDTH;
    for (let level = 0; span <= size; level += 1, span *= TILE_WIDTH) {
      for (let index = Math.floor(from / span); index < Math.floor(size / span); index += 1) {
        files.push(this.#file({ level, index, width: TILE_WIDTH }));
      }
    }
    return files;
  }

  /** Partial tiles of a tree of `size`, without those that have become full in the tree of `published`. */
  partialFiles(size: number, published: number): readonly WholeFile[] {
    return partialTiles(size)
      .filter(({ level, index }) => (index + 1) * TILE_WIDTH ** (level + 1) > published)
      .map((tile) => this.#file(tile));
  }

  /** Forgets the hashes of tiles that are full in a tree of `size`: their files are durable. */
  trim(size: number): void {
    for (const [level, kept] of this.#levels.entries()) {
      // A log that was opened at a multiple of a tile's width holds nothing of that level until the next record.
      if (kept === undefined) continue;
      const nodes = Math.floor(size / TILE_WIDTH ** level);
      const first = Math.max(kept.first, nodes - (nodes % TILE_WIDTH));
      kept.hashes.splice(0, first - kept.first);
      kept.first = first;
    }
  }

  /** Audit path of a record in the tree of `size`, checked before it is handed out. */
  async inclusion(seq: number, size: number): Promise<readonly Uint8Array[]> {
    const ranges = inclusionRanges(seq, size);
    const root = await this.rootAt(size);
    const path = await this.#ranges(ranges);
    const leaf = await this.#node({ level: 0, index: seq });
    if (!verifyInclusion(this.#hasher, { index: seq, size, leaf, path, root })) throw damaged(`record ${seq}`);
    return path;
  }

  /** The hashes before and after a range in the tree of `size`, checked before they are handed out. */
  async around({ start, end }: Range, size: number): Promise<Around> {
    const root = await this.rootAt(size);
    const [before, inside, after] = [
      await this.#nodes({ start: 0, end: start }),
      await this.#nodes({ start, end }),
      await this.#nodes({ start: end, end: size }),
    ];
    const folded = foldRuns(this.#hasher, [
      { start: 0, end: start, hashes: before },
      { start, end, hashes: inside },
      { start: end, end: size, hashes: after },
    ]);
    if (!equalBytes(folded, root)) throw damaged(`records ${start} to ${end}`);
    return { before, after };
  }

  /** Consistency proof between two sizes, checked before it is handed out. */
  async consistency(from: number, to: number): Promise<readonly Uint8Array[]> {
    const ranges = consistencyRanges(from, to);
    const fromRoot = await this.rootAt(from);
    const toRoot = await this.rootAt(to);
    const path = await this.#ranges(ranges);
    if (!verifyConsistency(this.#hasher, { from, to, path, fromRoot, toRoot })) throw damaged(`size ${from}`);
    return path;
  }

  /** Whether this is the hash of the full tile of level 0 at `index` in the tree in memory. */
  async holds(index: number, hash: Uint8Array): Promise<boolean> {
    // The tree may grow while files are read: the root is taken at the size that the path is for.
    const leaves = this.size;
    const root = this.root();
    // A tree of n leaves, seen from level 8 up, is a tree of n/256 leaves, the last of which may be unfinished.
    const size = Math.ceil(leaves / TILE_WIDTH);
    const ranges = inclusionRanges(index, size).map(({ start, end }) => ({
      start: start * TILE_WIDTH,
      end: Math.min(end * TILE_WIDTH, leaves),
    }));
    return verifyInclusion(this.#hasher, { index, size, leaf: hash, path: await this.#ranges(ranges), root });
  }

  /** Root at a size that the log had, believed only because it leads to the root in memory. */
  async rootAt(from: number): Promise<Uint8Array> {
    const to = this.size;
    const toRoot = this.root();
    if (from === to) return toRoot;
    const fromRoot = await this.#range({ start: 0, end: from });
    const path = await this.#ranges(consistencyRanges(from, to));
    if (!verifyConsistency(this.#hasher, { from, to, path, fromRoot, toRoot })) throw damaged(`size ${from}`);
    return fromRoot;
  }

  async #nodes(range: Range): Promise<readonly Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for (const node of rangeNodes(range)) hashes.push(await this.#node(node));
    return hashes;
  }

  async #ranges(ranges: readonly Range[]): Promise<readonly Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for (const range of ranges) hashes.push(await this.#range(range));
    return hashes;
  }

  async #range(range: Range): Promise<Uint8Array> {
    return foldNodes(this.#hasher, await this.#nodes(range));
  }

  async #node(node: NodeId): Promise<Uint8Array> {
    const { tile, start, count } = tileOf(node, this.size);
    const kept = this.#levels[tile.level];
    const bytes =
      kept !== undefined && tile.index * TILE_WIDTH >= kept.first ? this.#file(tile).bytes : await this.#cached(tile);
    return hashInTile(this.#hasher, { tile: bytes, start, count });
  }

  async #cached(tile: TileId): Promise<Uint8Array> {
    const path = tilePath(tile);
    const known = this.#cache.get(path) ?? (await readTile(this.#files, tile));
    this.#cache.delete(path);
    this.#cache.set(path, known);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > CACHED_TILES && oldest !== undefined) this.#cache.delete(oldest);
    return known;
  }

  #file(tile: TileId): WholeFile {
    const kept = this.#levels[tile.level];
    const start = tile.index * TILE_WIDTH - (kept?.first ?? 0);
    const hashes = kept?.hashes.slice(start, start + tile.width) ?? [];
    if (start < 0 || hashes.length !== tile.width) throw new RangeError(`Cannot make ${tilePath(tile)}: not in memory`);
    return { path: tilePath(tile), bytes: concatBytes(hashes) };
  }

  #keep({ level, index }: NodeId, hash: Uint8Array): void {
    if (level % TILE_HEIGHT !== 0) return;
    const kept = (this.#levels[level / TILE_HEIGHT] ??= { first: index, hashes: [] });
    kept.hashes.push(hash);
  }
}

/** A tile at its width, from its own file or from the one of the full tile. */
async function readTile(files: LogReader, tile: TileId): Promise<Uint8Array> {
  const length = tile.width * HASH_BYTES;
  const partial = await files.read(tilePath(tile));
  if (partial?.length === length) return partial;
  const full = await files.read(tilePath({ ...tile, width: TILE_WIDTH }));
  if (full?.length === TILE_WIDTH * HASH_BYTES) return full.subarray(0, length);
  throw new LogError("log-damaged", `Cannot read ${tilePath(tile)}: it is missing or cut`);
}

function damaged(what: string): LogError {
  return new LogError("log-damaged", `Cannot prove ${what}: the tiles do not lead to the root`);
}
