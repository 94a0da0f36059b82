import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tiles } from "../src/monitor/log/tiles.ts";
import { createCrypto } from "../src/platform/keys/crypto.ts";
import { openLogFiles } from "../src/platform/log/log-files.ts";
import { encodeUtf8 } from "../src/protocol/bytes.ts";
import { createTreeHasher } from "../src/protocol/merkle.ts";

const crypto = createCrypto();
const hasher = createTreeHasher((data) => crypto.sha256(data));
/** Leaves between two writes of tiles: what is kept in memory meanwhile. */
const GROUP = 65_536;

/** A tree in files. */
export interface BigTree {
  /** Opens it with nothing of it read before but its right edge. */
  open(): Promise<Pick<Tiles, "size" | "inclusion">>;
  remove(): void;
}

/**
 * Makes the tiles of a tree of so many leaves, as a log of so many records has them. The leaves are made up, so there is no record
 * and no payload, and a proof from it costs what one from such a log costs: it reads tiles alone. 32 bytes a leaf on disk.
 */
export async function growTree(leaves: number): Promise<BigTree> {
  const folder = mkdtempSync(join(tmpdir(), "aios-tree-"));
  const files = openLogFiles(folder);
  await files.hold();
  const tiles = await Tiles.open({ hasher, files, size: 0 });
  for (let from = 0; from < leaves; from = tiles.size) {
    const to = Math.min(leaves, from + GROUP);
    for (let at = from; at < to; at += 1) tiles.append(hasher.leaf(encodeUtf8(`made-up leaf ${at}`)));
    await files.write(tiles.fullFiles(from - (from % GROUP), to), { durable: false });
    tiles.trim(to);
  }
  await files.write(tiles.partialFiles(leaves, 0), { durable: false });
  return {
    open: () => Tiles.open({ hasher, files, size: leaves }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
