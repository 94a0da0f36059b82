import { concatBytes, equalBytes } from "../../protocol/bytes.ts";
import type { TreeHasher } from "../../protocol/merkle.ts";
import { bundlePath, decodeBundle, encodeBundle, hashOfTile, TILE_WIDTH } from "../../protocol/tile.ts";
import { LogError } from "./error.ts";
import type { LogReader, WholeFile } from "../../platform/log/log-powers.ts";
import type { Tiles } from "./tiles.ts";

/** The leaves of a log: those since the last full bundle in memory, the rest in bundle files. */
export class Bundles {
  readonly #files: LogReader;
  readonly #hasher: TreeHasher;
  readonly #leaves: Uint8Array[];
  /** Number of the first leaf in memory, a multiple of 256. */
  #first: number;

  private constructor(options: { files: LogReader; hasher: TreeHasher; first: number; leaves: readonly Uint8Array[] }) {
    this.#files = options.files;
    this.#hasher = options.hasher;
    this.#first = options.first;
    this.#leaves = [...options.leaves];
  }

  /** Opens the leaves of a tree. Throws LogError `log-damaged` when the last bundle does not fit the tree. */
  static async open(options: { files: LogReader; hasher: TreeHasher; tiles: Tiles }): Promise<Bundles> {
    const { files, hasher, tiles } = options;
    const width = tiles.size % TILE_WIDTH;
    const index = (tiles.size - width) / TILE_WIDTH;
    const leaves = width === 0 ? [] : await readBundle(files, { index, width });
    const hashes = leaves.map((leaf) => hasher.leaf(leaf));
    const [tile] = tiles.partialFiles(tiles.size, 0);
    if (width > 0 && !equalBytes(concatBytes(hashes), tile?.bytes ?? new Uint8Array(0))) throw damaged(index);
    return new Bundles({ files, hasher, first: tiles.size - width, leaves });
  }

  append(leaf: Uint8Array): void {
    this.#leaves.push(leaf);
  }

  /** Bundles that are full in a tree of `size` but not in one of `from`. */
  fullFiles(from: number, size: number): readonly WholeFile[] {
    const files: WholeFile[] = [];
    for (let index = Math.floor(from / TILE_WIDTH); index < Math.floor(size / TILE_WIDTH); index += 1) {
      files.push(this.#file(index, TILE_WIDTH));
    }
    return files;
  }

  /** The partial bundle of a tree of `size`, unless it has become full in the tree of `published`. */
  partialFiles(size: number, published: number): readonly WholeFile[] {
    const width = size % TILE_WIDTH;
    const index = (size - width) / TILE_WIDTH;
    return width === 0 || (index + 1) * TILE_WIDTH <= published ? [] : [this.#file(index, width)];
  }

  /** Forgets the leaves of bundles that are full in a tree of `size`: their files are durable. */
  trim(size: number): void {
    const first = Math.max(this.#first, size - (size % TILE_WIDTH));
    this.#leaves.splice(0, first - this.#first);
    this.#first = first;
  }

  /**
   * Leaves from `from` on, at least one and none of the next bundle. What comes from a file has been checked against
   * the tree: whoever rebuilds state from the log builds it from what was written (TAMPER-SHOWS).
   */
  async read(from: number, tiles: Tiles): Promise<readonly Uint8Array[]> {
    const index = Math.floor(from / TILE_WIDTH);
    const skip = from - index * TILE_WIDTH;
    if (index * TILE_WIDTH >= this.#first) {
      const start = index * TILE_WIDTH - this.#first;
      return this.#leaves.slice(start + skip, start + TILE_WIDTH);
    }
    const leaves = await readBundle(this.#files, { index, width: TILE_WIDTH });
    const tile = concatBytes(leaves.map((leaf) => this.#hasher.leaf(leaf)));
    if (!(await tiles.holds(index, hashOfTile(this.#hasher, tile)))) throw damaged(index);
    return leaves.slice(skip);
  }

  #file(index: number, width: number): WholeFile {
    const start = index * TILE_WIDTH - this.#first;
    const leaves = this.#leaves.slice(start, start + width);
    const path = bundlePath(index, width);
    if (start < 0 || leaves.length !== width) throw new RangeError(`Cannot make ${path}: not in memory`);
    return { path, bytes: encodeBundle(leaves) };
  }
}

async function readBundle(
  files: LogReader,
  { index, width }: { index: number; width: number },
): Promise<readonly Uint8Array[]> {
  for (const held of width === TILE_WIDTH ? [TILE_WIDTH] : [width, TILE_WIDTH]) {
    const bytes = await files.read(bundlePath(index, held));
    const leaves = bytes === null ? null : decodeBundle(bytes, held);
    if (leaves !== null) return leaves.slice(0, width);
  }
  throw damaged(index);
}

function damaged(index: number): LogError {
  const path = bundlePath(index, TILE_WIDTH);
  return new LogError("log-damaged", `Cannot read ${path}: it is missing or not what the tree says`);
}
