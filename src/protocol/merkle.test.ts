import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTreeHasher, foldRuns, GrowingTree, rangeNodes } from "./merkle.ts";

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
function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

const leavesOf = (size: number): readonly Uint8Array[] =>
  Array.from({ length: size }, (_, at) => Buffer.from(`leaf ${at}`));
describe("RFC 6962 hashes", () => {
  // The leaves and roots of the reference test vectors of Certificate Transparency.
  const leaves = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ].map((leaf) => Buffer.from(leaf, "hex"));
  const roots = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ];

  test("give the published roots at every size", () => {
    const tree = new GrowingTree(hasher);
    expect(hex(tree.root())).toBe(roots[0]);
    for (const [at, leaf] of leaves.entries()) {
      tree.append(hasher.leaf(leaf));
      expect(hex(tree.root())).toBe(roots[at + 1]);
    }
  });

  test("do not change when the hasher is used for something else in between", () => {
    const long = hasher.leaf(new Uint8Array(5000).fill(1));
    hasher.leaf(new Uint8Array(3));
    expect(hex(hasher.leaf(new Uint8Array(5000).fill(1)))).toBe(hex(long));
    expect(hex(long)).toBe(hex(sha256(Buffer.concat([Buffer.from([0]), Buffer.alloc(5000, 1)]))));
  });
});

describe("a growing tree", () => {
  test("has the root of the definition at every size, wherever it was resumed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300 }), (first, more) => {
        const leaves = leavesOf(first + more);
        const begun = new GrowingTree(hasher);
        for (const leaf of leaves.slice(0, first)) begun.append(hasher.leaf(leaf));
        const tree = GrowingTree.resume(hasher, { size: first, hashes: begun.edge() });
        for (const leaf of leaves.slice(first)) tree.append(hasher.leaf(leaf));
        expect(hex(tree.root())).toBe(hex(naiveRoot(leaves)));
      }),
      { numRuns: 60 },
    );
  });

  test("covers any aligned range with perfect subtrees", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (end) => {
        let at = 0;
        for (const { level, index } of rangeNodes({ start: 0, end })) {
          expect(index * 2 ** level).toBe(at);
          at += 2 ** level;
        }
        expect(at).toBe(end);
      }),
    );
  });
});

describe("runs that follow each other", () => {
  const nodesOf = (leaves: readonly Uint8Array[], range: { readonly start: number; readonly end: number }) =>
    rangeNodes(range).map(({ level, index }) => naiveRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)));

  test("lead to the root of RFC 6962, wherever they are cut", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), fc.nat(), fc.nat(), (size, one, other) => {
        const leaves = leavesOf(size);
        const [from, to] = [one % (size + 1), other % (size + 1)].toSorted((a, b) => a - b) as [number, number];
        const runs = [
          { start: 0, end: from },
          { start: from, end: to },
          { start: to, end: size },
        ].map((range) => ({ ...range, hashes: nodesOf(leaves, range) }));
        expect(hex(foldRuns(hasher, runs))).toBe(hex(naiveRoot(leaves)));
      }),
    );
  });

  test("that do not follow each other are refused", () => {
    const leaves = leavesOf(8);
    const run = (start: number, end: number) => ({ start, end, hashes: nodesOf(leaves, { start, end }) });
    expect(() => foldRuns(hasher, [run(0, 3), run(4, 8)])).toThrow(RangeError);
    expect(() => foldRuns(hasher, [{ ...run(0, 8), hashes: [] }])).toThrow(RangeError);
  });
});
