import { createTreeHasher, foldNodes, rangeNodes } from "../../src/protocol/merkle.ts";
import { consistencyRanges } from "../../src/protocol/merkle-proof.ts";
import { bundlePath, decodeBundle, TILE_WIDTH } from "../../src/protocol/tile.ts";
import { CRYPTO } from "../fakes/open-log.ts";
import type { MemoryDisk } from "../fakes/memory-disk.ts";

const hasher = createTreeHasher((data) => CRYPTO.sha256(data));

/** The leaves of a small log, from its bundles. */
export function leavesOf(disk: MemoryDisk, size: number): readonly Uint8Array[] {
  const leaves: Uint8Array[] = [];
  while (leaves.length < size) {
    const width = Math.min(TILE_WIDTH, size - leaves.length);
    const bytes = disk.bytes(bundlePath(leaves.length / TILE_WIDTH, width)) ?? new Uint8Array();
    const read = decodeBundle(bytes, width);
    if (read === null) throw new Error(`there are no ${size} records`);
    leaves.push(...read);
  }
  return leaves;
}

/** RFC 6962 consistency proof between two sizes of a small log, made from its leaves. */
export function consistencyPath(disk: MemoryDisk, from: number, to: number): Promise<readonly Uint8Array[]> {
  const leaves = leavesOf(disk, to).map((leaf) => hasher.leaf(leaf));
  const node = (level: number, index: number): Uint8Array =>
    level === 0
      ? (leaves[index] ?? hasher.empty)
      : hasher.node(node(level - 1, 2 * index), node(level - 1, 2 * index + 1));
  const path = consistencyRanges(from, to).map((range) =>
    foldNodes(
      hasher,
      rangeNodes(range).map(({ level, index }) => node(level, index)),
    ),
  );
  return Promise.resolve(path);
}
