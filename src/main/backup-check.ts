import { createHash } from "node:crypto";
import { createReadStream, lstatSync } from "node:fs";
import { join } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import { readCopy } from "../monitor/log/read-copy.ts";
import { openSlots } from "../monitor/log/slots.ts";
import { verifyLog } from "../monitor/log/verify.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import { openWaitingLogReader } from "../platform/log/waiting-log-reader.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import type { BackupFile } from "../protocol/backup.ts";
import { identityOf, type KeyCopy, logKeysOf, type LogIdentity, type MemoryNumbers, refuse } from "./backup-keys.ts";

/** A copied log: its folder, and how many records it must have. */
export interface CopiedLog {
  readonly folder: string;
  readonly size: number;
}

/**
 * Verifies the log of a backup as anybody would, from its public files; it must have grown from the `earlier` checkpoints.
 * Throws CliFailure `backup-refused`.
 */
export async function verifyCopiedLog(
  crypto: Crypto,
  {
    folder,
    size,
    identity,
    earlier,
  }: CopiedLog & { readonly identity: LogIdentity; readonly earlier: readonly string[] },
): Promise<void> {
  const powers = { sha256: (data: Uint8Array) => crypto.sha256(data), verify: crypto.verify.bind(crypto) };
  const verdict = await verifyLog(openWaitingLogReader(folder), { powers, ...identity, earlier });
  if (verdict.kind === "refused")
    throw refuse(`its log is refused${verdict.at === null ? "" : ` at record ${verdict.at}`}: ${verdict.why}`);
  if (verdict.size !== size) throw refuse(`its log has ${verdict.size} records, not ${size}`);
}

/** Opens every payload of a verified log with the keys that go with it. Throws CliFailure `backup-refused`. */
export async function verifyPayloads(
  { crypto, random }: { readonly crypto: Crypto; readonly random: Random },
  { folder, size, keys }: CopiedLog & { readonly keys: KeyCopy },
): Promise<void> {
  try {
    const slots = await openSlots({ crypto, random, keys: logKeysOf(keys), size });
    const copy = readCopy({ files: openLogFiles(folder), crypto, origin: identityOf(keys).origin, size, slots });
    for await (const record of copy) void record;
  } catch (error) {
    throw error instanceof CliFailure ? error : refuse(error instanceof Error ? error.message : String(error));
  }
}

/** What a verified log says of entries of memory, and when its newest record was written. */
export async function readMemoryNumbers(
  crypto: Crypto,
  { folder, size }: CopiedLog,
): Promise<MemoryNumbers & { readonly newest: number }> {
  let [next, newest] = [0, 0];
  const ending: number[] = [];
  for await (const record of readCopy({ files: openLogFiles(folder), crypto, origin: "", size, slots: null })) {
    newest = Math.max(newest, record.at);
    if (record.kind !== "memory-kept") continue;
    next = Math.max(next, record.entry + 1);
    if (record.expires !== null) ending.push(record.entry);
  }
  return { next, ending, newest };
}

/** Size and digest of a file, as a manifest has them. */
export async function describeFile(root: string, path: string): Promise<BackupFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const part of createReadStream(join(root, path))) {
    if (!(part instanceof Buffer)) continue;
    hash.update(part);
    bytes += part.length;
  }
  return { path, bytes, digest: `sha256:${hash.digest("hex")}` };
}

/** Nothing that lies somewhere is written over. */
export function refuseThere(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined)
    throw CliFailure.of("already-there", `Cannot make ${path}: something is there`, "name another place");
}
