import { existsSync, lchownSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explainDiskFault } from "../cli/disk-fault.ts";
import { CliFailure } from "../cli/failure.ts";
import type { Backups, RestoredHome } from "../cli/backup-powers.ts";
import type { Quarantine } from "../kernel/memory-quarantine.ts";
import { encodeSegmentHead } from "../monitor/log/frame.ts";
import { openLog } from "../monitor/log/open.ts";
import { readLeaves } from "../monitor/log/verify-chunk.ts";
import { syncFolder } from "../platform/files/atomic-file.ts";
import { createClock } from "../platform/clock.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import { openLogReader } from "../platform/log/log-reader.ts";
import { openMonitorKeys } from "../platform/log/monitor-keys.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { openWithPassphrase } from "../platform/keys/sealed-file.ts";
import { createTimer } from "../platform/timer.ts";
import { type BackupManifest, readManifest } from "../protocol/backup.ts";
import { decodeUtf8 } from "../protocol/bytes.ts";
import { openCheckpoint, verifyProof } from "../protocol/log-proof.ts";
import { readProof } from "../protocol/proof-file.ts";
import { TILE_WIDTH } from "../protocol/tile.ts";
import { type CopiedLog, describeFile, readMemoryNumbers, verifyCopiedLog, verifyPayloads } from "./backup-check.ts";
import {
  copyKeys,
  identityIn,
  identityOf,
  KEY_FILE_HEAD,
  type KeyCopy,
  logKeysOf,
  type LogIdentity,
  refuse,
  unpackKeys,
} from "./backup-keys.ts";
import { copyFiles } from "./backup-log.ts";
import { type LaterQuarantines, quarantinesSince } from "./later-quarantines.ts";

type RestoreOptions = Parameters<Backups["restore"]>[0];

export interface RestoreParts {
  readonly crypto: Crypto;
  readonly random: Random;
  /** Whom the home belongs to; null: this user. */
  readonly monitorUser: { readonly uid: number; readonly gid: number } | null;
}

/** Why everything of a restored home stands still. */
const RESTORED = "restored from a backup";

/**
 * Makes a home of a backup: verified whole, made beside its place, with the record that it was restored in its log, and put
 * there in one step. Throws CliFailure (`backup-refused`, `already-there`, `wrong-passphrase`, `file-unwritable`), and leaves nothing behind then.
 */
export async function restoreHome(parts: RestoreParts, options: RestoreOptions): Promise<RestoredHome> {
  const { from, home } = options;
  refuseUsed(home);
  const given = await readKeys(options);
  const identity = given instanceof Map ? identityOf(given) : identityIn(options.keys);
  const manifest = await readBackup(parts, { from, identity });
  const { size } = manifest;
  const partial = `${home}.${parts.random.hex(8)}.part`;
  try {
    await mkdir(dirname(home), { recursive: true });
    await mkdir(partial, { mode: 0o700 });
    await copyBackup(manifest, { from, partial });
    const log = { folder: join(partial, "log"), size };
    const { earlier, known } = splitEarlier(parts.crypto, { ...options, identity, size });
    await verifyCopiedLog(parts.crypto, { ...log, identity, earlier });
    const memory = await readMemoryNumbers(parts.crypto, log);
    // From a folder of keys only what the backup's records need is taken, as for a file of keys.
    const keys = given instanceof Map ? given : await copyKeys({ ...parts, folder: options.keys, size, memory });
    await verifyPayloads(parts, { ...log, keys });
    const most = Math.max(known, manifest.known);
    const later: LaterQuarantines =
      given instanceof Map
        ? { kind: "unknown", why: "a file of keys has no log" }
        : await quarantinesSince(parts, {
            keys: options.keys,
            size,
            known: most,
            last: await lastOf(log),
            next: memory.next,
          });
    const quarantines = later.kind === "known" ? later.quarantines : [];
    await finish(parts, { partial, size, known: most, keys, newest: memory.newest, quarantines });
    refuseUsed(home);
    if (parts.monitorUser !== null) giveTo(partial, parts.monitorUser);
    if (existsSync(home)) rmdirSync(home);
    renameSync(partial, home);
    syncFolder(dirname(home));
    return {
      size,
      known: most,
      made: manifest.made,
      quarantines: later.kind === "known" ? { kind: "known", count: quarantines.length, end: later.end } : later,
    };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw explainDiskFault(error) ?? error;
  }
}

/** A home is made where nothing is, or an empty folder. */
function refuseUsed(home: string): void {
  if (!existsSync(home)) return;
  if (statSync(home).isDirectory() && readdirSync(home).length === 0) return;
  throw CliFailure.of("already-there", `Cannot make the home ${home}: something is there`, "name another with --home");
}

/** The keys of a file; null for a folder of keys. */
async function readKeys({ keys, passphrase }: RestoreOptions): Promise<KeyCopy | null> {
  const found = statSync(keys, { throwIfNoEntry: false });
  if (found === undefined) throw CliFailure.of("file-unreadable", `Cannot read ${keys}: it does not exist`);
  if (found.isDirectory()) return null;
  return unpackKeys(await openWithPassphrase(KEY_FILE_HEAD, readFileSync(keys), await passphrase()));
}

/**
 * The manifest of a backup, which the log itself vouches for: a record with its digest stood in the log, by a proof that the
 * key of the log signed. What that proof's checkpoint covers the log is known to have had.
 */
async function readBackup(
  { crypto }: RestoreParts,
  { from, identity }: { readonly from: string; readonly identity: LogIdentity },
): Promise<BackupManifest & { readonly known: number }> {
  const reader = openLogReader(from);
  const [written, proved] = [await readText("manifest"), await readText("proof")];
  const manifest = readManifest(written);
  const proof = readProof(proved);
  if (manifest === null || proof === null) throw refuse("its manifest or its proof is not as it was written");
  if (manifest.origin !== identity.origin) throw refuse("it is of another home than the keys");
  const powers = { sha256: (data: Uint8Array) => crypto.sha256(data), verify: crypto.verify.bind(crypto) };
  const verdict = verifyProof(proof, { powers, ...identity });
  if (verdict.kind === "refused") throw refuse(`its proof is refused: ${verdict.why}`);
  const record: unknown = JSON.parse(proof.record);
  if (!saysSo(record, { size: manifest.size, manifest: crypto.digest(written) }))
    throw refuse("its manifest is not the one that the log has on record");
  return { ...manifest, known: verdict.checkpoint.size };

  async function readText(name: string): Promise<string> {
    const bytes = await reader.read(name).catch(() => null);
    const text = bytes === null ? null : decodeUtf8(bytes);
    if (text === null) throw refuse(`its ${name} is missing, so it is none that was finished`);
    return text;
  }
}

function saysSo(record: unknown, of: { readonly size: number; readonly manifest: string }): boolean {
  if (typeof record !== "object" || record === null) return false;
  const { kind, size, manifest } = { kind: null, size: null, manifest: null, ...record };
  return kind === "backup-made" && size === of.size && manifest === of.manifest;
}

/** Copies exactly the files of the manifest, and holds each copy against it. */
async function copyBackup(
  { files }: BackupManifest,
  { from, partial }: { readonly from: string; readonly partial: string },
): Promise<void> {
  for (const file of files) {
    await copyFiles(from, partial, [file.path]);
    const found = await describeFile(partial, file.path).catch(() => null);
    if (found === null) throw refuse(`${file.path} is missing`);
    if (found.bytes !== file.bytes || found.digest !== file.digest) throw refuse(`${file.path} was changed`);
  }
}

/** Earlier checkpoints that the backup must have grown from, and the greatest size that any of them is of. */
function splitEarlier(
  crypto: Crypto,
  { against, identity, size }: RestoreOptions & { readonly identity: LogIdentity; readonly size: number },
): { readonly earlier: readonly string[]; readonly known: number } {
  const powers = { sha256: (data: Uint8Array) => crypto.sha256(data), verify: crypto.verify.bind(crypto) };
  let known = size;
  const earlier = against.filter((note) => {
    const opened = openCheckpoint(note, { powers, ...identity });
    if (opened.kind === "refused") throw refuse(`an earlier checkpoint is refused: ${opened.why}`);
    known = Math.max(known, opened.checkpoint.size);
    // What came after the backup is lost; that there was so much of it is what such a checkpoint says.
    return opened.checkpoint.size <= size;
  });
  return { earlier, known };
}

/** The last record of a copied log, as it lies there. */
async function lastOf({ folder, size }: CopiedLog): Promise<Uint8Array> {
  const index = Math.floor((size - 1) / TILE_WIDTH);
  const leaves = await readLeaves(openLogReader(folder), index, size - index * TILE_WIDTH);
  return leaves?.at(-1) ?? refuseLast();
}

function refuseLast(): never {
  throw refuse("its last record cannot be read");
}

/** Puts keys and a journal into the home, and writes down what it is, before anything else can happen in it. */
async function finish(
  parts: RestoreParts,
  of: {
    readonly partial: string;
    readonly size: number;
    readonly known: number;
    readonly keys: KeyCopy;
    readonly newest: number;
    /** What was taken into quarantine after the backup. */
    readonly quarantines: readonly Quarantine[];
  },
): Promise<void> {
  const { partial, size, keys, newest } = of;
  const { epoch } = logKeysOf(keys);
  // Keys come to their place last: what a crash leaves opens for nobody before it says what it is.
  const folder = join(partial, "keys.part");
  await openLogFiles(folder).write(
    [...keys].map(([path, bytes]) => ({ path, bytes })),
    { durable: true },
  );
  const files = openLogFiles(join(partial, "log"));
  const journal = `journal/${String(size).padStart(16, "0")}`;
  await files.write([{ path: journal, bytes: encodeSegmentHead({ first: size, epoch }) }], { durable: true });
  const own = openMonitorKeys(folder, true);
  const log = await openLog({
    ...parts,
    files,
    keys: Object.assign(own.payloads, { files: own.slots }),
    // The time of the newest record: restoring says nothing of what time it is, a start finds out.
    clock: { ...createClock(), wall: () => newest },
    timer: createTimer(),
    signer: own.logSigner,
    origin: own.logOrigin,
    start: parts.random.hex(16),
  });
  try {
    await log.append({ kind: "restored", size, known: of.known }, null);
    await log.append({ kind: "all-frozen", by: { kind: "monitor", why: RESTORED } }, null);
    for (const { by, value } of of.quarantines) await log.append({ kind: "memory-quarantined", by, value }, null);
  } finally {
    await log.close();
  }
  renameSync(folder, join(partial, "keys"));
  syncFolder(partial);
}

/** As root a home is the monitor's own user's. */
function giveTo(path: string, user: { readonly uid: number; readonly gid: number }): void {
  lchownSync(path, user.uid, user.gid);
  for (const name of readdirSync(path, { recursive: true, encoding: "utf8" }))
    lchownSync(join(path, name), user.uid, user.gid);
}
