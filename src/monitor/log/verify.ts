import type { LogReader } from "../../platform/log-powers.ts";
import { decodeUtf8, equalBytes, concatBytes } from "../../protocol/bytes.ts";
import type { ProofPowers } from "../../protocol/log-proof.ts";
import {
  createTreeHasher,
  foldNodes,
  GrowingTree,
  HASH_BYTES,
  rangeNodes,
  type Range,
  type TreeHasher,
} from "../../protocol/merkle.ts";
import { consistencyRanges, verifyConsistency } from "../../protocol/merkle-proof.ts";
import { openNote, parseCheckpoint, type CheckpointBody } from "../../protocol/note.ts";
import {
  bundlePath,
  decodeBundle,
  hashInTile,
  partialsPath,
  partialTiles,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileOf,
  tilePath,
} from "../../protocol/tile.ts";
import { CHUNK_RECORDS, readHashes, verifyChunk, type ChunkResult } from "./verify-chunk.ts";

/** What verifying a log gave. `at` is the first record that is wrong, null when no single one can be named. */
export type LogVerdict =
  | { readonly kind: "verified"; readonly size: number; readonly root: Uint8Array }
  | { readonly kind: "refused"; readonly at: number | null; readonly why: string };

/** What a log is verified with. */
export interface VerifyOptions {
  readonly powers: ProofPowers;
  /** Raw Ed25519 key of the log, and the name that it signs under: from its owner, not from the folder. */
  readonly publicKey: Uint8Array;
  readonly origin: string;
  /** A checkpoint of this log that somebody kept: what it covers must still be there, unchanged. */
  readonly earlier?: string;
  /** Verifies chunks elsewhere, so many at a time; without it they are verified here, one by one. */
  readonly workers?: { readonly count: number; verify(range: Range): Promise<ChunkResult> };
}

class Refusal extends Error {
  readonly at: number | null;
  constructor(why: string, at: number | null = null) {
    super(why);
    this.at = at;
  }
}

/**
 * Verifies a log, or a copy of one, from its public files alone: checkpoint, tiles and entry bundles (TAMPER-SHOWS).
 * Finds every edit, insertion, deletion, reordering and cut in what the checkpoint covers, and, given an earlier
 * checkpoint, rollback and fork. Memory does not grow with the log beyond 32 bytes for 65,536 records.
 */
export async function verifyLog(reader: LogReader, options: VerifyOptions): Promise<LogVerdict> {
  const hasher = createTreeHasher((data) => options.powers.sha256(data));
  try {
    const checkpoint = readNote(
      decodeUtf8((await reader.read("checkpoint")) ?? new Uint8Array(0)),
      options,
      "checkpoint",
    );
    const root = await verifyRecords(reader, { ...options, size: checkpoint.size, hasher });
    if (!equalBytes(root, checkpoint.root)) throw new Refusal("the records do not lead to the checkpoint's root");
    await verifyLeftovers(reader, checkpoint.size);
    if (options.earlier !== undefined) {
      const from = readNote(options.earlier, options, "earlier checkpoint");
      await verifyGrowth(reader, { from, to: checkpoint, hasher });
    }
    return { kind: "verified", size: checkpoint.size, root };
  } catch (error) {
    // ERRORS-DENY: what cannot be read is not verified.
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "refused", at: error instanceof Refusal ? error.at : null, why };
  }
}

function readNote(note: string | null, { powers, publicKey, origin }: VerifyOptions, what: string): CheckpointBody {
  const text = openNote(note ?? "", {
    key: { name: origin, publicKey },
    sha256: (data) => powers.sha256(data),
    verify: (key, message, signature) => powers.verify(key, message, signature),
  });
  if (text === null) throw new Refusal(`the ${what} is missing or not signed by the key of ${origin}`);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint?.origin !== origin) throw new Refusal(`the ${what} is not one of ${origin}`);
  return checkpoint;
}

/** Checks all records and tiles; gives the root that they lead to. */
async function verifyRecords(
  reader: LogReader,
  options: Pick<VerifyOptions, "workers"> & { readonly size: number; readonly hasher: TreeHasher },
): Promise<Uint8Array> {
  const { size, hasher } = options;
  const workers = options.workers ?? { count: 1, verify: (range: Range) => verifyChunk(reader, { range, hasher }) };
  // Tiles of level 2 and up: one hash for each chunk, one for 256 chunks, and so on.
  const levels: Uint8Array[][] = [];
  const upper = new GrowingTree(hasher, ({ level }, hash) => {
    if (level % TILE_HEIGHT === 0) (levels[level / TILE_HEIGHT] ??= []).push(hash);
  });
  let rest: readonly Uint8Array[] = [];
  for (let start = 0; start < size; start += workers.count * CHUNK_RECORDS) {
    const ranges: Range[] = [];
    for (let at = start; at < Math.min(size, start + workers.count * CHUNK_RECORDS); at += CHUNK_RECORDS) {
      ranges.push({ start: at, end: Math.min(size, at + CHUNK_RECORDS) });
    }
    for (const [place, result] of (await Promise.all(ranges.map((range) => workers.verify(range)))).entries()) {
      if (result.kind === "refused") throw new Refusal(result.why, result.at);
      const range = ranges[place];
      if (range !== undefined && range.end - range.start < CHUNK_RECORDS) rest = result.hashes;
      else for (const hash of result.hashes) upper.append(hash);
    }
  }
  for (const [height, hashes] of levels.entries()) await verifyLevel(reader, { level: height + 2, hashes });
  return foldNodes(hasher, [...upper.edge(), ...rest]);
}

async function verifyLevel(
  reader: LogReader,
  { level, hashes }: { level: number; hashes: readonly Uint8Array[] },
): Promise<void> {
  for (let start = 0; start < hashes.length; start += TILE_WIDTH) {
    const expected = hashes.slice(start, start + TILE_WIDTH);
    const tile = { level, index: start / TILE_WIDTH, width: expected.length };
    const found = await readHashes(reader, tile);
    if (found !== null && equalBytes(found, concatBytes(expected))) continue;
    throw new Refusal(`${tilePath(tile)} is missing or not what the tiles below it hash to`);
  }
}

/** Partial tiles and bundles of other sizes, kept for older checkpoints, must be beginnings of today's. */
async function verifyLeftovers(reader: LogReader, size: number): Promise<void> {
  const edges = partialTiles(size).map((tile) => {
    return { full: tilePath({ ...tile, width: TILE_WIDTH }), width: tile.width, fits: isTile };
  });
  const [lowest] = partialTiles(size);
  if (lowest?.level === 0)
    edges.push({ full: bundlePath(lowest.index, TILE_WIDTH), width: lowest.width, fits: isBundle });
  for (const { full, width, fits } of edges) {
    const folder = partialsPath(full);
    const today = await reader.read(`${folder}/${width}`);
    for (const name of await reader.list(folder)) {
      if (!/^[1-9][0-9]{0,2}$/.test(name)) continue;
      const other = await reader.read(`${folder}/${name}`);
      if (today === null || other === null) continue;
      const [shorter, longer] = Number(name) < width ? [other, today] : [today, other];
      if (fits(other, Number(name)) && equalBytes(shorter, longer.subarray(0, shorter.length))) continue;
      throw new Refusal(`${folder}/${name} is not a beginning of what is there now`);
    }
  }
}

async function verifyGrowth(
  reader: LogReader,
  { from, to, hasher }: { readonly from: CheckpointBody; readonly to: CheckpointBody; readonly hasher: TreeHasher },
): Promise<void> {
  if (from.size > to.size) {
    throw new Refusal(`the log has ${to.size} records and had ${from.size}: it was cut or rolled back`, to.size);
  }
  const path: Uint8Array[] = [];
  for (const range of consistencyRanges(from.size, to.size)) {
    const hashes: Uint8Array[] = [];
    for (const node of rangeNodes(range)) {
      const { tile, start, count } = tileOf(node, to.size);
      const bytes = await readHashes(reader, tile);
      if (bytes?.length !== tile.width * HASH_BYTES) throw new Refusal(`${tilePath(tile)} is missing or cut`);
      hashes.push(hashInTile(hasher, { tile: bytes, start, count }));
    }
    path.push(foldNodes(hasher, hashes));
  }
  const claim = { from: from.size, to: to.size, path, fromRoot: from.root, toRoot: to.root };
  if (!verifyConsistency(hasher, claim))
    throw new Refusal(`the log is not the one of the earlier checkpoint of ${from.size}`);
}

function isTile(bytes: Uint8Array, width: number): boolean {
  return bytes.length === width * HASH_BYTES;
}

function isBundle(bytes: Uint8Array, width: number): boolean {
  return decodeBundle(bytes, width) !== null;
}
