/** SHA-256 of bytes: 32 bytes. Passed in, since this folder has no cryptography of its own. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/** Bytes of a tree hash. */
export const HASH_BYTES = 32;

/** The three hashes of RFC 6962 section 2.1. Leaves and nodes have prefixes of their own, so that neither passes for the other. */
export interface TreeHasher {
  /** Root of the tree without leaves. */
  readonly empty: Uint8Array;
  /** SHA-256(0x00 || data). */
  leaf(data: Uint8Array): Uint8Array;
  /** SHA-256(0x01 || left || right), both 32 bytes. */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
}

/** Makes the tree hashes from SHA-256. */
export function createTreeHasher(sha256: Sha256): TreeHasher {
  const pair = new Uint8Array(1 + 2 * HASH_BYTES);
  pair[0] = 1;
  // Scratch space that grows to the longest leaf: hashing a log allocates nothing but its hashes.
  let prefixed = new Uint8Array(1024);
  return Object.freeze({
    empty: sha256(new Uint8Array(0)),
    leaf(data: Uint8Array) {
      if (data.length >= prefixed.length) prefixed = new Uint8Array(2 * data.length + 1);
      prefixed.set(data, 1);
      return sha256(prefixed.subarray(0, 1 + data.length));
    },
    node(left: Uint8Array, right: Uint8Array) {
      pair.set(left, 1);
      pair.set(right, 1 + HASH_BYTES);
      return sha256(pair);
    },
  });
}

/** A perfect subtree: the node at `level` (0 is the leaves) that covers leaves `index * 2^level` and on. */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** Leaves from `start` up to but excluding `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The perfect subtrees that together cover a range which starts at a multiple of its largest one, left to right. */
export function rangeNodes({ start, end }: Range): readonly NodeId[] {
  const nodes: NodeId[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    let width = 1;
    while (at % (width * 2) === 0 && at + width * 2 <= end) {
      width *= 2;
      level += 1;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** Hash over a range from the hashes of its `rangeNodes`, left to right; the empty range has the empty root. */
export function foldNodes(hasher: TreeHasher, hashes: readonly Uint8Array[]): Uint8Array {
  return (
    hashes.reduceRight<Uint8Array | null>((right, left) => (right === null ? left : hasher.node(left, right)), null) ??
    hasher.empty
  );
}

/** A range of a tree with the hashes of its `rangeNodes`, left to right. */
export interface Run extends Range {
  readonly hashes: readonly Uint8Array[];
}

/** The root over runs that follow each other from the first leaf to the last. Throws RangeError when they do not. */
export function foldRuns(hasher: TreeHasher, runs: readonly Run[]): Uint8Array {
  const whole: { readonly start: number; readonly width: number; readonly hash: Uint8Array }[] = [];
  let at = 0;
  for (const run of runs) {
    const nodes = rangeNodes(run);
    if (run.start !== at || nodes.length !== run.hashes.length)
      throw new RangeError(`Cannot fold a run of records ${run.start} to ${run.end}: it does not follow ${at}`);
    at = run.end;
    for (const [place, { level, index }] of nodes.entries()) {
      let width = 2 ** level;
      let start = index * width;
      let hash = run.hashes[place] ?? hasher.empty;
      for (let left = whole.at(-1); left?.width === width && start % (2 * width) === width; left = whole.at(-1)) {
        whole.pop();
        start = left.start;
        width *= 2;
        hash = hasher.node(left.hash, hash);
      }
      whole.push({ start, width, hash });
    }
  }
  return foldNodes(
    hasher,
    whole.map(({ hash }) => hash),
  );
}

/**
 * A tree that only grows and keeps one hash for each perfect subtree of its right edge: O(log n) memory, one node hash
 * per leaf on average.
 */
export class GrowingTree {
  readonly #hasher: TreeHasher;
  readonly #onNode: (id: NodeId, hash: Uint8Array) => void;
  /** By level; the entries whose bit is set in `#size` are the right edge, the others are left over. */
  readonly #peaks: Uint8Array[] = [];
  #size = 0;

  /** `onNode` is told of every perfect subtree as it becomes complete, leaves included. */
  constructor(hasher: TreeHasher, onNode: (id: NodeId, hash: Uint8Array) => void = () => {}) {
    this.#hasher = hasher;
    this.#onNode = onNode;
  }

  /** A tree of `size` leaves whose right edge is known: `hashes` of the `rangeNodes` of all its leaves. */
  static resume(
    hasher: TreeHasher,
    options: {
      readonly size: number;
      readonly hashes: readonly Uint8Array[];
      readonly onNode?: (id: NodeId, hash: Uint8Array) => void;
    },
  ): GrowingTree {
    const tree = new GrowingTree(hasher, options.onNode);
    const nodes = rangeNodes({ start: 0, end: options.size });
    if (nodes.length !== options.hashes.length)
      throw new RangeError("Cannot resume a tree: its right edge is incomplete");
    for (const [position, { level }] of nodes.entries()) tree.#peaks[level] = options.hashes[position] ?? hasher.empty;
    tree.#size = options.size;
    return tree;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the hash of one leaf. */
  append(leaf: Uint8Array): void {
    let hash = leaf;
    let level = 0;
    let index = this.#size;
    this.#onNode({ level, index }, hash);
    for (; index % 2 === 1; index = (index - 1) / 2) {
      const left = this.#peaks[level];
      if (left === undefined) throw new RangeError(`Cannot append: level ${level} of the right edge is missing`);
      hash = this.#hasher.node(left, hash);
      level += 1;
      this.#onNode({ level, index: (index - 1) / 2 }, hash);
    }
    this.#peaks[level] = hash;
    this.#size += 1;
  }

  /** Hashes of the `rangeNodes` of all leaves, left to right. */
  edge(): readonly Uint8Array[] {
    return rangeNodes({ start: 0, end: this.#size }).map(({ level }) => this.#peaks[level] ?? this.#hasher.empty);
  }

  /** RFC 6962 root of all leaves. */
  root(): Uint8Array {
    return foldNodes(this.#hasher, this.edge());
  }
}
