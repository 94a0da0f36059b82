import type { Clock, Crypto, Random, Signer, Timer } from "../../platform/powers.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { createTreeHasher } from "../../protocol/merkle.ts";
import type { CheckpointBody } from "../../protocol/note.ts";
import { readCheckpoint } from "./own-checkpoint.ts";
import { AuditLog } from "./audit-log.ts";
import { Bundles } from "./bundles.ts";
import { homeInUse, LogError } from "./error.ts";
import type { LogFiles } from "../../platform/log-powers.ts";
import { Journal, readJournal, type JournalContent } from "./journal.ts";
import type { LogKeys } from "./keys.ts";
import type { Log } from "./log.ts";
import { openPayloads } from "./payloads.ts";
import { openSlots, slotsExist } from "./slots.ts";
import { Tiles } from "./tiles.ts";

/** What a log is opened with. */
export interface LogOptions {
  /** The log's own folder. */
  readonly files: LogFiles;
  readonly keys: LogKeys;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly timer: Timer;
  /** Signs checkpoints. */
  readonly signer: Signer;
  /** Name of the log and of its key in notes: printable ASCII without spaces and plus signs. */
  readonly origin: string;
  /** Start id of the monitor, for the records. */
  readonly start: string;
}

/**
 * Opens the log of a home, or begins it. The way after a crash and the way of every day are one: what the journal holds
 * is read, checked against the log's own checkpoint, and moved into tiles and payload files.
 * Throws LogError `home-in-use`, `log-shrunk`, `log-forked`, `log-damaged` or `log-unavailable`; then nothing has changed.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const { files } = options;
  try {
    if (!(await files.hold())) throw homeInUse();
    const log = await load(options);
    await log.begin();
    return log;
  } catch (error) {
    await files.release();
    if (error instanceof LogError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new LogError("log-unavailable", `Cannot open the log: ${why}`, { cause: error });
  }
}

async function load(options: LogOptions): Promise<AuditLog> {
  const { files, crypto, keys } = options;
  const hasher = createTreeHasher((data) => crypto.sha256(data));
  const checkpoint = await readCheckpoint(options);
  const content = await readJournal(options);
  if (content === null) await refuseIfUsed(options, checkpoint);
  const { first, entries, segments } = content ?? ({ first: 0, entries: [], segments: [] } satisfies JournalContent);
  refuseIfShrunk(checkpoint, { first, size: first + entries.length });

  const tiles = await Tiles.open({ hasher, files, size: first });
  const bundles = await Bundles.open({ files, hasher, tiles });
  compareRoot(checkpoint, tiles);
  for (const { leaf } of entries) {
    tiles.append(hasher.leaf(leaf));
    bundles.append(leaf);
    compareRoot(checkpoint, tiles);
  }
  const payloads = await openPayloads(files, first);
  const slots = await openSlots({ ...options, keys, size: tiles.size });
  const held = { first, sealed: entries.map(({ sealed }) => sealed) };
  const journal = new Journal(options, segments);
  return new AuditLog({ ...options, keys, hasher, tiles, bundles, payloads, slots, journal, held });
}

/** Without a journal there must be nothing else either: a log never removes its last segment. */
async function refuseIfUsed({ files, keys }: LogOptions, checkpoint: CheckpointBody | null): Promise<void> {
  const traces = [...(await files.list("tile")), ...(await files.list("payload"))];
  if (checkpoint === null && traces.length === 0 && !(await slotsExist(keys))) return;
  throw new LogError("log-shrunk", "Cannot open the log: its journal is gone");
}

/** Records are acknowledged only once there is a checkpoint, and they leave the journal only once one covers them. */
function refuseIfShrunk(checkpoint: CheckpointBody | null, { first, size }: { first: number; size: number }): void {
  if (checkpoint === null) {
    if (size === 0) return;
    throw new LogError("log-shrunk", `Cannot open the log: it has ${size} records and its checkpoint is gone`);
  }
  if (checkpoint.size > size) {
    throw new LogError(
      "log-shrunk",
      `Cannot open the log: it has ${size} records, its checkpoint says ${checkpoint.size}`,
    );
  }
  if (checkpoint.size < first) {
    throw new LogError("log-forked", `Cannot open the log: its checkpoint of ${checkpoint.size} records was put back`);
  }
}

function compareRoot(checkpoint: CheckpointBody | null, tiles: Tiles): void {
  if (checkpoint === null || checkpoint.size !== tiles.size || equalBytes(checkpoint.root, tiles.root())) return;
  throw new LogError("log-forked", `Cannot open the log: record by record it has another root at size ${tiles.size}`);
}
