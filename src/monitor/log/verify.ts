import type { LogReader } from "../../platform/log/log-powers.ts";
import { decodeUtf8, equalBytes, concatBytes } from "../../protocol/bytes.ts";
import type { Cosigned } from "../../protocol/cosignature.ts";
import type { ProofPowers } from "../../protocol/log-proof.ts";
import {
  createTreeHasher,
  foldNodes,
  GrowingTree,
  HASH_BYTES,
  type Range,
  type TreeHasher,
} from "../../protocol/merkle.ts";
import { openNote, parseCheckpoint, splitNote, type CheckpointBody } from "../../protocol/note.ts";
import {
  bundlePath,
  decodeBundle,
  partialsPath,
  partialTiles,
  TILE_HEIGHT,
  TILE_WIDTH,
  tilePath,
} from "../../protocol/tile.ts";
import { findWitnesses, type WitnessDemand } from "../../protocol/witnessed.ts";
import { CHUNK_RECORDS, readHashes, verifyChunk, type ChunkResult } from "./verify-chunk.ts";
import { firstDifference, verifyGrowth } from "./verify-growth.ts";
import { VerifyRefusal } from "./verify-refusal.ts";

/** What verifying a log gave. `at` is the first record that is wrong, null when no single one can be named. */
export type LogVerdict =
  | {
      readonly kind: "verified";
      readonly size: number;
      readonly root: Uint8Array;
      /** The newest checkpoint that carries the cosignatures demanded; null when none were. */
      readonly witnessed: { readonly size: number; readonly by: readonly Cosigned[] } | null;
    }
  | { readonly kind: "refused"; readonly at: number | null; readonly why: string };

/** What a log is verified with. */
export interface VerifyOptions {
  readonly powers: ProofPowers;
  /** Raw Ed25519 key of the log, and the name that it signs under: from its owner, not from the folder. */
  readonly publicKey: Uint8Array;
  readonly origin: string;
  /** Checkpoints of this log that somebody kept: what they cover must still be there, unchanged. */
  readonly earlier?: readonly string[];
  /** A copy of this log that somebody kept: the same, and what differs can be named. */
  readonly copy?: LogReader;
  /** Cosignatures that a checkpoint must carry: one of `earlier`, or the one that the log keeps as `cosigned`. */
  readonly witnesses?: WitnessDemand;
  /** Verifies chunks elsewhere, so many at a time; without it they are verified here, one by one. */
  readonly workers?: { readonly count: number; verify(range: Range): Promise<ChunkResult> };
}

/**
 * Verifies a log, or a copy of one, from its public files alone: checkpoint, tiles and entry bundles (TAMPER-SHOWS).
 * Finds every edit, insertion, deletion, reordering and cut in what the checkpoint covers, and, given an earlier
 * checkpoint, a copy or witnesses, rollback and fork. Memory does not grow with the log beyond 32 bytes for 65,536 records.
 */
export async function verifyLog(reader: LogReader, options: VerifyOptions): Promise<LogVerdict> {
  const hasher = createTreeHasher((data) => options.powers.sha256(data));
  try {
    const note = decodeUtf8((await reader.read("checkpoint")) ?? new Uint8Array(0)) ?? "";
    const checkpoint = readNote(note, options, "checkpoint");
    const root = await verifyRecords(reader, { ...options, size: checkpoint.size, hasher });
    if (!equalBytes(root, checkpoint.root)) throw new VerifyRefusal("the records do not lead to the checkpoint's root");
    await verifyLeftovers(reader, checkpoint.size);
    if (options.copy !== undefined) await verifyCopy(reader, { ...options, copy: options.copy, size: checkpoint.size });
    const kept = await readKept(reader, options);
    await verifyGrowth(reader, { earlier: kept.map(({ body }) => body), to: checkpoint, hasher });
    const witnessed =
      options.witnesses === undefined ? null : findWitnessed([...kept, { note, body: checkpoint }], options);
    return { kind: "verified", size: checkpoint.size, root, witnessed };
  } catch (error) {
    // ERRORS-DENY: what cannot be read is not verified.
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "refused", at: error instanceof VerifyRefusal ? error.at : null, why };
  }
}

interface Kept {
  readonly note: string;
  readonly body: CheckpointBody;
}

/** The earlier checkpoints to hold the log against, and its own cosigned one where witnesses are asked for. */
async function readKept(reader: LogReader, options: VerifyOptions): Promise<readonly Kept[]> {
  const kept = (options.earlier ?? []).map((note) => ({ note, body: readNote(note, options, "earlier checkpoint") }));
  const cosigned = options.witnesses === undefined ? null : await reader.read("cosigned");
  if (cosigned === null) return kept;
  const note = decodeUtf8(cosigned) ?? "";
  return [...kept, { note, body: readNote(note, options, "cosigned checkpoint") }];
}

/** The newest of these checkpoints, which all belong to one log by now, that has the cosignatures demanded. */
function findWitnessed(
  kept: readonly Kept[],
  { witnesses, powers }: VerifyOptions,
): { readonly size: number; readonly by: readonly Cosigned[] } | null {
  if (witnesses === undefined) return null;
  let why = "no checkpoint";
  for (const { note, body } of kept.toSorted((left, right) => right.body.size - left.body.size)) {
    const found = findWitnesses(note, witnesses, powers);
    if (found.kind === "witnessed") return { size: body.size, by: found.by };
    if (why === "no checkpoint") why = `of the checkpoint of ${body.size} records: ${found.why}`;
  }
  throw new VerifyRefusal(`no checkpoint carries the cosignatures demanded; ${why}`);
}

/** The copy must be whole itself: against one that is not, nothing is shown. */
async function verifyCopy(
  reader: LogReader,
  { copy, size, powers, publicKey, origin }: VerifyOptions & { readonly copy: LogReader; readonly size: number },
): Promise<void> {
  const theirs = await verifyLog(copy, { powers, publicKey, origin });
  if (theirs.kind === "refused") throw new VerifyRefusal(`the copy to compare with is refused itself: ${theirs.why}`);
  const at = await firstDifference({ reader, size }, { reader: copy, size: theirs.size });
  if (at !== null) throw new VerifyRefusal("from here on the log is not the one that was copied", at);
  if (theirs.size > size) {
    const why = `the log has ${size} records and its copy ${theirs.size}: it was cut or rolled back`;
    throw new VerifyRefusal(why, size);
  }
}

function readNote(note: string, { powers, publicKey, origin }: VerifyOptions, what: string): CheckpointBody {
  const text = openNote(note, {
    key: { name: origin, publicKey },
    sha256: (data) => powers.sha256(data),
    verify: (key, message, signature) => powers.verify(key, message, signature),
  });
  if (text === null) throw new VerifyRefusal(`the ${what} ${whyNotSigned(note, origin)}`);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint?.origin !== origin) throw new VerifyRefusal(`the ${what} is not one of ${origin}`);
  return checkpoint;
}

/** What a note that the log's key did not sign says of itself, which is nobody's word but may help to find a mix-up. */
function whyNotSigned(note: string, origin: string): string {
  if (note === "") return "is missing or empty";
  const claimed = parseCheckpoint(splitNote(note)?.text ?? "")?.origin;
  return claimed === undefined || claimed === origin
    ? `is not signed by the key of ${origin}`
    : `is of another log, ${claimed}, and not of ${origin}`;
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
    // In their order, so that the first record that is wrong is named, whichever chunk was done first.
    for (const [place, done] of (await Promise.allSettled(ranges.map((range) => workers.verify(range)))).entries()) {
      if (done.status === "rejected") throw done.reason;
      const result = done.value;
      if (result.kind === "refused") throw new VerifyRefusal(result.why, result.at);
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
    throw new VerifyRefusal(`${tilePath(tile)} is missing or not what the tiles below it hash to`);
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
      throw new VerifyRefusal(`${folder}/${name} is not a beginning of what is there now`);
    }
  }
}

function isTile(bytes: Uint8Array, width: number): boolean {
  return bytes.length === width * HASH_BYTES;
}

function isBundle(bytes: Uint8Array, width: number): boolean {
  return decodeBundle(bytes, width) !== null;
}
