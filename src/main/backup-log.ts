import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { openLogFiles } from "../platform/log/log-files.ts";
import { openLogReader } from "../platform/log/log-reader.ts";
import { readHashes, readLeaves } from "../monitor/log/verify-chunk.ts";
import { decodeUtf8, encodeUtf8 } from "../protocol/bytes.ts";
import { parseCheckpoint, splitNote } from "../protocol/note.ts";
import { bundlePath, encodeBundle, TILE_WIDTH, tilePath, type TileId } from "../protocol/tile.ts";

/**
 * Copies the first `size` records of the log of a home, whose checkpoint `note` is, into the folder of a backup: exactly the
 * tiles, bundles and payload files of that tree, whatever the log has grown to meanwhile. Throws when something is missing.
 */
export async function copyLog(
  home: string,
  to: string,
  { size, note }: { readonly size: number; readonly note: string },
): Promise<void> {
  const from = openLogReader(join(home, "log"));
  const files = openLogFiles(join(to, "log"));
  const put = (path: string, bytes: Uint8Array): Promise<void> => files.write([{ path, bytes }], { durable: true });
  for (const tile of tilesOf(size)) {
    await put(tilePath(tile), (await readHashes(from, tile)) ?? missing(tilePath(tile)));
    if (tile.level > 0) continue;
    const bundle = bundlePath(tile.index, tile.width);
    await put(bundle, encodeBundle((await readLeaves(from, tile.index, tile.width)) ?? missing(bundle)));
  }
  for (const name of await from.list("payload")) {
    if (!/^[0-9]{16}$/.test(name) || Number(name) >= size) continue;
    const path = `payload/${name}`;
    await put(path, (await from.read(path)) ?? missing(path));
  }
  const cosigned = await from.read("cosigned");
  if (cosigned !== null && sizeOf(cosigned) <= size) await put("cosigned", cosigned);
  await put("checkpoint", encodeUtf8(note));
}

/** Copies files of a home, by their paths below it. */
export async function copyFiles(home: string, to: string, paths: readonly string[]): Promise<void> {
  const [from, files] = [openLogReader(home), openLogFiles(to)];
  for (const path of paths) {
    const bytes = await from.read(path);
    // What was removed since it was listed is no part of the home any more.
    if (bytes !== null) await files.write([{ path, bytes }], { durable: true });
  }
}

/** Paths of the files below a folder, from that folder's own parent on, ascending; links and what else is no file are none. */
export function listFiles(root: string, folder: string): readonly string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted();
}

function* tilesOf(size: number): Iterable<TileId> {
  for (let level = 0, nodes = size; nodes > 0; level += 1, nodes = Math.floor(nodes / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < nodes; index += 1)
      yield { level, index, width: Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH) };
  }
}

function sizeOf(note: Uint8Array): number {
  return parseCheckpoint(splitNote(decodeUtf8(note) ?? "")?.text ?? "")?.size ?? Number.POSITIVE_INFINITY;
}

function missing(path: string): never {
  throw new Error(`${path} of the log cannot be read`);
}
