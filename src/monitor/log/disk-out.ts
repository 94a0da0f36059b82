import type { LogFiles } from "../../platform/log/log-powers.ts";
import { decodeUtf8, equalBytes } from "../../protocol/bytes.ts";
import { homeInUse, LogError } from "./error.ts";
import type { JournalEntry } from "./frame.ts";
import { readJournal } from "./journal.ts";
import { readCheckpoint } from "./own-checkpoint.ts";
import type { AuditLogParts } from "./parts.ts";
import { Tiles } from "./tiles.ts";

/**
 * What a file system says that takes no more writes, or is not there any more: it turned read-only after a fault, was shut down,
 * its device or its server is gone. Linux makes none of these writable again before everybody has let go of it.
 */
const OUT = new Set(["EROFS", "EIO", "ENXIO", "ENODEV", "ENOTCONN", "ESTALE", "ESHUTDOWN"]);

/** Whether a failure of the log is of a disk that has to be taken out before it works again. */
export function isDiskOut(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ("code" in at && typeof at.code === "string" && OUT.has(at.code)) return true;
  return false;
}

/** Nothing of the folder stays open. Every byte of the journal that counts is durable. */
export async function letGoOf({ journal, files }: Pick<AuditLogParts, "journal" | "files">): Promise<void> {
  await journal.close().catch(() => {});
  await files.release();
}

/**
 * Takes a log's folder again after its disk was out, and insists that it came back as it was: with every record that was
 * acknowledged, `size` of them, under the root in memory. Throws LogError `log-away`, `log-shrunk`, `log-forked`, `log-damaged` or `home-in-use`.
 */
export async function takeAgain(parts: AuditLogParts): Promise<void> {
  const { files, tiles } = parts;
  // Looked at before the lock is: where the disk is not there, its place is somebody else's and nothing is made in it.
  await insistOnJournal(files);
  if (!(await files.hold())) throw homeInUse();
  const { found, behind } = await readTree(parts);
  if (found.size < tiles.size)
    throw new LogError(
      "log-shrunk",
      `Cannot go on: the disk came back with ${found.size} records of the log's ${tiles.size}`,
    );
  if (!equalBytes(found.root(), tiles.root()))
    throw new LogError("log-forked", "Cannot go on: the disk came back with another log, or with records changed");
  await refuseOthers(parts, behind);
}

/** What another monitor wrote meanwhile, with the keys of this home and the disk at another place, is not written over. */
async function refuseOthers(parts: AuditLogParts, behind: readonly JournalEntry[]): Promise<void> {
  const checkpoint = await readCheckpoint(parts);
  const others = behind.findIndex(({ leaf }) => startOf(leaf) !== parts.start);
  if (others < 0 && (checkpoint?.size ?? 0) <= parts.tiles.size) return;
  throw new LogError(
    "log-forked",
    `Cannot go on: another monitor wrote records behind the log's ${parts.tiles.size} while the disk was out`,
  );
}

function startOf(leaf: Uint8Array): unknown {
  const record: unknown = JSON.parse(decodeUtf8(leaf) ?? "null");
  return typeof record === "object" && record !== null && "start" in record ? record.start : null;
}

async function insistOnJournal(files: Pick<LogFiles, "list">): Promise<void> {
  if ((await files.list("journal")).length > 0) return;
  throw new LogError("log-away", "Cannot go on: the log's disk has not come back, or without its journal");
}

/** The tree as it can be read, up to the size in memory: what lies behind that was refused, if it is this monitor's. */
async function readTree(
  parts: AuditLogParts,
): Promise<{ readonly found: Tiles; readonly behind: readonly JournalEntry[] }> {
  const content = await readJournal(parts);
  const first = content?.first ?? 0;
  const tree = await Tiles.open({ ...parts, size: first });
  const entries = content?.entries ?? [];
  const known = Math.max(0, parts.tiles.size - first);
  for (const { leaf } of entries.slice(0, known)) tree.append(parts.hasher.leaf(leaf));
  return { found: tree, behind: entries.slice(known) };
}
