import { equalBytes } from "./bytes.ts";
import type { Range, TreeHasher } from "./merkle.ts";

/**
 * The subtrees whose hashes are the audit path of leaf `index` in the tree of `size`, leaf to root (RFC 6962, 2.1.1).
 * Throws RangeError when the tree has no such leaf.
 */
export function inclusionRanges(index: number, size: number): readonly Range[] {
  if (!isCount(index) || !isCount(size) || index >= size) {
    throw new RangeError(`Cannot prove record ${index}: the tree has ${size}`);
  }
  const path: Range[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.toReversed();
}

/**
 * The subtrees whose hashes prove that the tree of `from` is a prefix of the tree of `to` (RFC 6962, 2.1.2).
 * Throws RangeError unless from ≤ to.
 */
export function consistencyRanges(from: number, to: number): readonly Range[] {
  if (!isCount(from) || !isCount(to) || from > to) {
    throw new RangeError(`Cannot prove that a tree of ${from} is a prefix of one of ${to}`);
  }
  if (from === 0 || from === to) return [];
  const path: Range[] = [];
  let start = 0;
  let end = to;
  // `whole`: the subtree starts with the first leaf, so that the verifier knows its hash already.
  let whole = true;
  while (end !== from) {
    const middle = start + largestPowerBelow(end - start);
    if (from <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
      whole = false;
    }
  }
  if (!whole) path.push({ start, end });
  return path.toReversed();
}

export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leaf: Uint8Array;
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** Whether the path leads from the leaf's hash to the root (RFC 9162, 2.1.3.2). Never throws: nonsense is false. */
export function verifyInclusion(hasher: TreeHasher, { index, size, leaf, path, root }: InclusionClaim): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  let position = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      hash = hasher.node(sibling, hash);
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = half(last);
      }
    } else {
      hash = hasher.node(hash, sibling);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 && equalBytes(hash, root);
}

export interface ConsistencyClaim {
  readonly from: number;
  readonly to: number;
  readonly path: readonly Uint8Array[];
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
}

/** Whether the path shows that the older tree is a prefix of the newer (RFC 9162, 2.1.4.2). Never throws: nonsense is false. */
export function verifyConsistency(hasher: TreeHasher, claim: ConsistencyClaim): boolean {
  const { from, to, path, fromRoot, toRoot } = claim;
  if (!isCount(from) || !isCount(to) || from > to) return false;
  if (from === to) return path.length === 0 && equalBytes(fromRoot, toRoot);
  if (from === 0) return path.length === 0 && equalBytes(fromRoot, hasher.empty);
  const hashes = isPowerOfTwo(from) ? [fromRoot, ...path] : path;
  const [first, ...rest] = hashes;
  if (first === undefined) return false;
  let position = from - 1;
  let last = to - 1;
  while (position % 2 === 1) {
    position = half(position);
    last = half(last);
  }
  let older = first;
  let newer = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      older = hasher.node(sibling, older);
      newer = hasher.node(sibling, newer);
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = half(last);
      }
    } else {
      newer = hasher.node(newer, sibling);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 && equalBytes(older, fromRoot) && equalBytes(newer, toRoot);
}

/** Sizes pass 2^32, where the bit operators of ECMAScript wrap: plain arithmetic only. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

function isPowerOfTwo(value: number): boolean {
  let power = 1;
  while (power < value) power *= 2;
  return power === value;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
