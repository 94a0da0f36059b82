import { join } from "node:path";
import { Tiles } from "../../src/monitor/log/tiles.ts";
import { openLogFiles } from "../../src/platform/log/log-files.ts";
import type { WholeFile } from "../../src/platform/log/log-powers.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { createTreeHasher } from "../../src/protocol/merkle.ts";
import { checkpointText, signNote } from "../../src/protocol/note.ts";
import { bundlePath, encodeBundle, TILE_WIDTH } from "../../src/protocol/tile.ts";
import { CRYPTO, ORIGIN, SIGNER } from "./open-log.ts";

/** Bundles between two writes. */
const GROUP = 64;
/** A leaf is about as long as that of an intent. */
const WORDS = "w".repeat(560);

/**
 * Writes the public files of a log of so many made-up records below a folder, and gives the log's own folder. The files
 * are what a verifier reads; neither journal nor payloads are there, so that many records take little time.
 */
export async function writeLongLog(folder: string, size: number): Promise<string> {
  const path = join(folder, `log-${size}`);
  const files = openLogFiles(path);
  const hasher = createTreeHasher((data) => CRYPTO.sha256(data));
  const tiles = await Tiles.open({ hasher, files, size: 0 });
  let bundles: WholeFile[] = [];
  let settled = 0;
  const flush = async (): Promise<void> => {
    await files.write([...bundles, ...tiles.fullFiles(settled, tiles.size)], { durable: false });
    tiles.trim(tiles.size);
    settled = tiles.size;
    bundles = [];
  };
  for (let start = 0; start < size; start += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - start);
    const leaves = Array.from({ length: width }, (_, at) => encodeUtf8(`{"kind":"${WORDS}","seq":${start + at}}`));
    for (const leaf of leaves) tiles.append(hasher.leaf(leaf));
    bundles.push({ path: bundlePath(start / TILE_WIDTH, width), bytes: encodeBundle(leaves) });
    if (bundles.length === GROUP) await flush();
  }
  const edge = tiles.partialFiles(size, 0);
  await flush();
  const note = signNote(checkpointText({ origin: ORIGIN, size, root: tiles.root() }), {
    key: { name: ORIGIN, publicKey: SIGNER.publicKey },
    sha256: (data) => CRYPTO.sha256(data),
    sign: (message) => SIGNER.sign(message),
  });
  await files.write([...edge, { path: "checkpoint", bytes: encodeUtf8(note) }], { durable: false });
  return path;
}
