import type { Clock, Crypto, Random, Signer, Timer } from "../../platform/powers.ts";
import { AuditLog } from "./audit-log.ts";
import { homeInUse, LogError } from "./error.ts";
import type { LogFiles } from "../../platform/log/log-powers.ts";
import { Journal } from "./journal.ts";
import type { LogKeys } from "./keys.ts";
import type { Log } from "./log.ts";
import { openPayloads } from "./payloads.ts";
import { readLog } from "./read-log.ts";
import { openSlots } from "./slots.ts";

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
  const { files, keys } = options;
  const { hasher, tiles, bundles, content } = await readLog(options);
  const { first, entries, segments } = content;
  const payloads = await openPayloads(files, first);
  const slots = await openSlots({ ...options, keys, size: tiles.size });
  const held = { first, sealed: entries.map(({ sealed }) => sealed) };
  const journal = new Journal(options, segments);
  return new AuditLog({ ...options, keys, hasher, tiles, bundles, payloads, slots, journal, held });
}
