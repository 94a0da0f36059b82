import type { LogReader } from "../../platform/log/log-powers.ts";
import type { Crypto, Signer } from "../../platform/powers.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { createTreeHasher, type TreeHasher } from "../../protocol/merkle.ts";
import type { CheckpointBody } from "../../protocol/note.ts";
import { Bundles } from "./bundles.ts";
import { LogError } from "./error.ts";
import { readJournal, type JournalContent } from "./journal.ts";
import type { LogKeys } from "./keys.ts";
import { readCheckpoint } from "./own-checkpoint.ts";
import { slotsExist } from "./slots.ts";
import { Tiles } from "./tiles.ts";

/** What a log is read with: nothing of it can change anything. */
export interface LogReading {
  /** The log's own folder. */
  readonly files: LogReader;
  readonly keys: Pick<LogKeys, "epoch" | "key"> & { readonly files: Pick<LogKeys["files"], "readRange"> };
  readonly crypto: Crypto;
  readonly signer: Pick<Signer, "publicKey">;
  readonly origin: string;
}

/** What a start goes on from. */
export interface ReadLog {
  readonly hasher: TreeHasher;
  readonly tiles: Tiles;
  readonly bundles: Bundles;
  readonly content: JournalContent;
}

/**
 * Reads what the journal holds behind the tiles, and checks it against the log's own checkpoint. Changes nothing.
 * Throws LogError `log-shrunk`, `log-forked` or `log-damaged`.
 */
export async function readLog(options: LogReading): Promise<ReadLog> {
  const { files, crypto } = options;
  const hasher = createTreeHasher((data) => crypto.sha256(data));
  const checkpoint = await readCheckpoint(options);
  const found = await readJournal(options);
  if (found === null) await refuseIfUsed(options, checkpoint);
  const content = found ?? { first: 0, entries: [], segments: [] };
  const { first, entries } = content;
  refuseIfShrunk(checkpoint, { first, size: first + entries.length });

  const tiles = await Tiles.open({ hasher, files, size: first });
  const bundles = await Bundles.open({ files, hasher, tiles });
  compareRoot(checkpoint, tiles);
  for (const { leaf } of entries) {
    tiles.append(hasher.leaf(leaf));
    bundles.append(leaf);
    compareRoot(checkpoint, tiles);
  }
  return { hasher, tiles, bundles, content };
}

/** Without a journal there must be nothing else either: a log never removes its last segment. */
async function refuseIfUsed({ files, keys }: LogReading, checkpoint: CheckpointBody | null): Promise<void> {
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
