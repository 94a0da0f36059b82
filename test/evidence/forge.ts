import { createTreeHasher, GrowingTree } from "../../src/protocol/merkle.ts";
import { checkpointText, signNote } from "../../src/protocol/note.ts";
import { bundlePath, encodeBundle, TILE_WIDTH, tilePath } from "../../src/protocol/tile.ts";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { createMemoryDisk, type MemoryDisk } from "../fakes/memory-disk.ts";
import { CRYPTO, ORIGIN, SIGNER } from "../fakes/open-log.ts";

const sha256 = (data: Uint8Array): Uint8Array => CRYPTO.sha256(data);
const hasher = createTreeHasher(sha256);

/** A key that is not the log's. */
export const STRANGER: ReturnType<typeof createSigner> = createSigner(new Uint8Array(32).fill(66));

/** Who signs a forged checkpoint, and for which log. */
export interface ForgedBy {
  readonly signer?: ReturnType<typeof createSigner>;
  readonly origin?: string;
}

/** A checkpoint over any tree, as whoever has the key could sign it. */
export function forgeNote(size: number, root: Uint8Array, { signer = SIGNER, origin = ORIGIN }: ForgedBy = {}): string {
  const key = { name: origin, publicKey: signer.publicKey };
  return signNote(checkpointText({ origin, size, root }), { key, sha256, sign: (message) => signer.sign(message) });
}

/** A whole log around any leaves: bundles, tiles and a checkpoint that fit each other. */
export function forgeLog(leaves: readonly Uint8Array[], by: ForgedBy = {}): MemoryDisk {
  const disk = createMemoryDisk();
  const levels: Uint8Array[][] = [];
  const tree = new GrowingTree(hasher, ({ level }, hash) => {
    if (level % 8 === 0) (levels[level / 8] ??= []).push(hash);
  });
  for (const leaf of leaves) tree.append(hasher.leaf(leaf));
  for (const [start, width] of pieces(leaves.length)) {
    disk.put(bundlePath(start / TILE_WIDTH, width), encodeBundle(leaves.slice(start, start + width)));
  }
  for (const [level, hashes] of levels.entries()) {
    for (const [start, width] of pieces(hashes.length)) {
      const path = tilePath({ level, index: start / TILE_WIDTH, width });
      disk.put(path, concatBytes(hashes.slice(start, start + width)));
    }
  }
  disk.put("checkpoint", Buffer.from(forgeNote(leaves.length, tree.root(), by)));
  return disk;
}

function pieces(count: number): readonly (readonly [start: number, width: number])[] {
  const starts = Array.from({ length: Math.ceil(count / TILE_WIDTH) }, (_, at) => at * TILE_WIDTH);
  return starts.map((start) => [start, Math.min(TILE_WIDTH, count - start)]);
}

/** A leaf with its text changed. */
export function rewrite(leaf: Uint8Array | undefined, change: (text: string) => string): Uint8Array {
  const text = Buffer.from(leaf ?? []).toString();
  const changed = change(text);
  if (changed === text) throw new Error("this forgery changes nothing");
  return Buffer.from(changed);
}

/** Leaves that each say their own place again, as a careful forger would have them. */
export function renumber(leaves: readonly Uint8Array[]): readonly Uint8Array[] {
  return leaves.map((leaf, seq) =>
    Buffer.from(
      Buffer.from(leaf)
        .toString()
        .replace(/"seq":\d+/u, `"seq":${seq}`),
    ),
  );
}
