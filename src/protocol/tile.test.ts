import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bundlePath, decodeBundle, encodeBundle, MAX_LEAF_BYTES, partialTiles, tileOf, tilePath } from "./tile.ts";

describe("paths of tiles", () => {
  test("are those of the specification's examples", () => {
    expect(tilePath({ level: 0, index: 0, width: 256 })).toBe("tile/0/000");
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe("tile/0/x001/x234/067");
    expect(tilePath({ level: 2, index: 0, width: 1 })).toBe("tile/2/000.p/1");
    expect(bundlePath(273, 112)).toBe("tile/entries/273.p/112");
    expect(bundlePath(1000, 256)).toBe("tile/entries/x001/000");
  });

  test("a tree of 70,000 has the partial tiles that the specification lists", () => {
    expect(partialTiles(70_000)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    expect(partialTiles(256)).toEqual([{ level: 1, index: 0, width: 1 }]);
    expect(partialTiles(0)).toEqual([]);
  });

  test("a node that the tree does not have is in no tile", () => {
    expect(tileOf({ level: 3, index: 1 }, 16)).toEqual({ tile: { level: 0, index: 0, width: 16 }, start: 8, count: 8 });
    expect(() => tileOf({ level: 3, index: 1 }, 15)).toThrow(RangeError);
  });
});

describe("entry bundles", () => {
  test("have two bytes of length before each leaf, big-endian", () => {
    const bytes = encodeBundle([new Uint8Array([7]), new Uint8Array(0), new Uint8Array(258).fill(1)]);
    expect([...bytes.subarray(0, 7)]).toEqual([0, 1, 7, 0, 0, 1, 2]);
  });

  test("read back as they were written, and as nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), fc.nat(), (leaves, cut) => {
        const bytes = encodeBundle(leaves);
        expect(decodeBundle(bytes, leaves.length)?.map((leaf) => [...leaf])).toEqual(leaves.map((leaf) => [...leaf]));
        expect(decodeBundle(bytes, leaves.length + 1)).toBeNull();
        expect(decodeBundle(new Uint8Array([...bytes, 0]), leaves.length)).toBeNull();
        if (leaves.length > 0) {
          expect(decodeBundle(bytes, leaves.length - 1)).toBeNull();
          expect(decodeBundle(bytes.subarray(0, cut % bytes.length), leaves.length)).toBeNull();
        }
      }),
    );
  });

  test("hold leaves up to 65,535 bytes", () => {
    expect(encodeBundle([new Uint8Array(MAX_LEAF_BYTES)])).toHaveLength(MAX_LEAF_BYTES + 2);
    expect(() => encodeBundle([new Uint8Array(MAX_LEAF_BYTES + 1)])).toThrow(RangeError);
  });
});
