import { expect, test } from "vitest";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import type { LogReader } from "../../platform/log/log-powers.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { createTreeHasher, GrowingTree } from "../../protocol/merkle.ts";
import { TILE_WIDTH, tilePath } from "../../protocol/tile.ts";
import { firstDifference, type VerifiedLog } from "./verify-growth.ts";

const hasher = createTreeHasher((data) => CRYPTO.sha256(data));

/** The tiles of a log of so many records, of which some are changed, and nothing else of it. */
function tilesOf(size: number, ...changed: readonly number[]): VerifiedLog {
  const levels: Uint8Array[][] = [];
  const tree = new GrowingTree(hasher, ({ level }, hash) => {
    if (level % 8 === 0) (levels[level / 8] ??= []).push(hash);
  });
  for (let seq = 0; seq < size; seq += 1) {
    const leaf = new Uint8Array(32);
    new DataView(leaf.buffer).setUint32(changed.includes(seq) ? 4 : 0, seq + 1);
    tree.append(leaf);
  }
  let reads = 0;
  const reader: LogReader = {
    read(path) {
      reads += 1;
      if (reads > 100) throw new Error("more was read than a path of tiles");
      for (const [level, hashes] of levels.entries()) {
        for (let start = 0; start < hashes.length; start += TILE_WIDTH) {
          const width = Math.min(TILE_WIDTH, hashes.length - start);
          if (path !== tilePath({ level, index: start / TILE_WIDTH, width })) continue;
          return Promise.resolve(concatBytes(hashes.slice(start, start + width)));
        }
      }
      return Promise.resolve(null);
    },
    list: () => Promise.resolve([]),
  };
  return { reader, size };
}

const SIZE = 65_536 + 600;
const WHOLE = tilesOf(SIZE);

test.each([
  [0, 300],
  [255, SIZE],
  [40_000, SIZE - 700],
  [65_535, SIZE + 300],
  [65_536, SIZE],
  [SIZE - 1, SIZE + 7],
])("the first record that differs is %i, when the other log has %i", async (seq, size) => {
  const other = tilesOf(size, seq, seq + 1);
  expect(await firstDifference(WHOLE, other)).toBe(seq);
  expect(await firstDifference(other, WHOLE)).toBe(seq);
});

test("nothing differs between a log and its beginnings", async () => {
  for (const size of [0, 1, 256, 700, 65_536]) {
    expect(await firstDifference(WHOLE, tilesOf(size)), String(size)).toBeNull();
  }
  expect(await firstDifference(WHOLE, WHOLE)).toBeNull();
});

test("what only one of them has is no difference", async () => {
  expect(await firstDifference(tilesOf(300), tilesOf(400, 350))).toBeNull();
});
