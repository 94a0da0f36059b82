import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTreeHasher } from "./merkle.ts";
import { consistencyRanges, inclusionRanges, verifyConsistency, verifyInclusion } from "./merkle-proof.ts";

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
const hasher = createTreeHasher(sha256);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** RFC 6962 section 2.1, word for word. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return sha256(Buffer.concat([Buffer.from([0]), only]));
  const k = split(leaves.length);
  return sha256(Buffer.concat([Buffer.from([1]), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k))]));
}
/** RFC 6962 section 2.1.1. */
function naivePath(m: number, leaves: readonly Uint8Array[]): readonly Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return m < k
    ? [...naivePath(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naivePath(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))];
}
/** RFC 6962 section 2.1.2. */
function naiveSubproof(m: number, leaves: readonly Uint8Array[], whole: boolean): readonly Uint8Array[] {
  if (m === leaves.length) return whole ? [] : [naiveRoot(leaves)];
  const k = split(leaves.length);
  return m <= k
    ? [...naiveSubproof(m, leaves.slice(0, k), whole), naiveRoot(leaves.slice(k))]
    : [...naiveSubproof(m - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}
function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

const leavesOf = (size: number): readonly Uint8Array[] =>
  Array.from({ length: size }, (_, at) => Buffer.from(`leaf ${at}`));
const over = (leaves: readonly Uint8Array[]) => (range: { start: number; end: number }) =>
  naiveRoot(leaves.slice(range.start, range.end));

const sizes = fc
  .integer({ min: 1, max: 130 })
  .chain((size) => fc.record({ size: fc.constant(size), at: fc.nat({ max: size - 1 }) }));

describe("inclusion proofs", () => {
  test("are the ones of the definition and verify", () => {
    fc.assert(
      fc.property(sizes, ({ size, at }) => {
        const leaves = leavesOf(size);
        const path = inclusionRanges(at, size).map(over(leaves));
        expect(path.map(hex)).toEqual(naivePath(at, leaves).map(hex));
        const leaf = hasher.leaf(leaves[at] ?? new Uint8Array());
        const claim = { index: at, size, leaf, path, root: naiveRoot(leaves) };
        expect(verifyInclusion(hasher, claim)).toBe(true);
      }),
    );
  });

  test("are refused for another place, size, leaf, root, or with anything added, left out or changed", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat({ max: 255 }), ({ size, at }, where, bit) => {
        const leaves = leavesOf(size);
        const path = inclusionRanges(at, size).map(over(leaves));
        const claim = {
          index: at,
          size,
          leaf: hasher.leaf(leaves[at] ?? new Uint8Array()),
          path,
          root: naiveRoot(leaves),
        };
        const forged = [
          { ...claim, index: at + 1 },
          { ...claim, index: at - 1 },
          { ...claim, index: at + 0.5 },
          { ...claim, size: 0 },
          { ...claim, leaf: hasher.leaf(Buffer.from("another")) },
          { ...claim, root: naiveRoot(leavesOf(size + 1)) },
          { ...claim, path: [...path, claim.leaf] },
        ];
        if (path.length > 0) {
          const place = where % path.length;
          forged.push({ ...claim, path: path.toSpliced(place, 1) });
          forged.push({ ...claim, path: path.with(place, flip(path[place] ?? new Uint8Array(32), bit)) });
        }
        for (const one of forged) expect(verifyInclusion(hasher, one)).toBe(false);
      }),
    );
  });

  test("grow with the logarithm of the size", () => {
    expect(inclusionRanges(0, 2 ** 40)).toHaveLength(40);
    expect(inclusionRanges(123_456_789, 2 ** 40 - 1).length).toBeLessThanOrEqual(40);
    expect(() => inclusionRanges(5, 5)).toThrow(RangeError);
  });
});

describe("consistency proofs", () => {
  const pairs = fc
    .integer({ min: 1, max: 130 })
    .chain((to) => fc.record({ to: fc.constant(to), from: fc.nat({ max: to }) }));

  test("are the ones of the definition and verify", () => {
    fc.assert(
      fc.property(pairs, ({ from, to }) => {
        const leaves = leavesOf(to);
        const path = consistencyRanges(from, to).map(over(leaves));
        expect(path.map(hex)).toEqual((from === 0 ? [] : naiveSubproof(from, leaves, true)).map(hex));
        const claim = { from, to, path, fromRoot: naiveRoot(leaves.slice(0, from)), toRoot: naiveRoot(leaves) };
        expect(verifyConsistency(hasher, claim)).toBe(true);
      }),
    );
  });

  test("are refused when one record before the older size was another", () => {
    fc.assert(
      fc.property(pairs, fc.nat(), ({ from, to }, where) => {
        fc.pre(from > 0);
        const leaves = leavesOf(to);
        const other = leaves.with(where % from, Buffer.from("another"));
        const path = consistencyRanges(from, to).map(over(other));
        const fromRoot = naiveRoot(leaves.slice(0, from));
        expect(verifyConsistency(hasher, { from, to, path, fromRoot, toRoot: naiveRoot(other) })).toBe(false);
      }),
    );
  });

  test("are refused with anything added, left out or changed, and backwards", () => {
    fc.assert(
      fc.property(pairs, fc.nat(), fc.nat({ max: 255 }), ({ from, to }, where, bit) => {
        fc.pre(from > 0 && from < to);
        const leaves = leavesOf(to);
        const path = consistencyRanges(from, to).map(over(leaves));
        const claim = { from, to, path, fromRoot: naiveRoot(leaves.slice(0, from)), toRoot: naiveRoot(leaves) };
        const place = where % path.length;
        const forged = [
          { ...claim, path: [...path, claim.toRoot] },
          { ...claim, path: path.toSpliced(place, 1) },
          { ...claim, path: path.with(place, flip(path[place] ?? new Uint8Array(32), bit)) },
          { ...claim, from: to, to: from },
          { ...claim, fromRoot: claim.toRoot },
          { ...claim, toRoot: claim.fromRoot },
        ];
        for (const one of forged) expect(verifyConsistency(hasher, one)).toBe(false);
      }),
    );
  });
});

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const place = (bit >> 3) % bytes.length;
  return bytes.map((byte, at) => (at === place ? byte ^ (1 << (bit & 7)) : byte));
}
