import { existsSync, renameSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explainDiskFault } from "../cli/disk-fault.ts";
import { CliFailure } from "../cli/failure.ts";
import type { Backups, BegunBackup } from "../cli/backup-powers.ts";
import { syncFolder, writeAtomically } from "../platform/files/atomic-file.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { sealWithPassphrase } from "../platform/keys/sealed-file.ts";
import { type BackupFile, writeManifest } from "../protocol/backup.ts";
import { describeFile, readMemoryNumbers, refuseThere, verifyCopiedLog, verifyPayloads } from "./backup-check.ts";
import { copyKeys, identityIn, KEY_FILE_HEAD, packKeys, refuse } from "./backup-keys.ts";
import { copyFiles, copyLog, listFiles } from "./backup-log.ts";
import { restoreHome } from "./restore-home.ts";

/** What a backup has of a home besides its log. Settings are in the log, all but where alerts go. */
const BESIDE = ["secrets", "sealed"] as const;
const ALERTS = "alert-address";

export interface BackupParts {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly now: () => number;
  /** Whom a restored home belongs to; null: this user. */
  readonly monitorUser: { readonly uid: number; readonly gid: number } | null;
}

/** Makes backups and restores homes, in this process, from files alone. */
export function createBackups(parts: BackupParts): Backups {
  return {
    begin: (options) => begin(parts, options),
    restore: (options) => restoreHome(parts, options),
  };
}

type BeginOptions = Parameters<Backups["begin"]>[0];

async function begin(parts: BackupParts, options: BeginOptions): Promise<BegunBackup> {
  const { home, to, keyFile } = options;
  refuseThere(to);
  if (keyFile !== null) refuseThere(keyFile);
  const partial = `${to}.${parts.random.hex(8)}.part`;
  await mkdir(partial, { mode: 0o700 }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : "";
    throw explainDiskFault(error) ?? CliFailure.of("file-unwritable", `Cannot make ${partial}: ${why}`);
  });
  const drop = (): void => rmSync(partial, { recursive: true, force: true });
  try {
    await copyLog(home, partial, options);
    for (const folder of BESIDE) await copyFiles(home, partial, listFiles(home, folder));
    if (existsSync(join(home, ALERTS))) await copyFiles(home, partial, [ALERTS]);
    const log = { folder: join(partial, "log"), size: options.size };
    const identity = identityIn(join(home, "keys"));
    await verifyCopiedLog(parts.crypto, { ...log, identity, earlier: [] });
    const memory = await readMemoryNumbers(parts.crypto, log);
    const keys = await copyKeys({ ...parts, folder: join(home, "keys"), size: log.size, memory });
    await verifyPayloads(parts, { ...log, keys });
    const files: BackupFile[] = [];
    for (const path of listFiles(partial, "")) files.push(await describeFile(partial, path));
    const { origin } = identity;
    const made = parts.now();
    const manifest = writeManifest({ v: 1, kind: "aios-backup", origin, size: options.size, made, files });
    return {
      manifest: parts.crypto.digest(manifest),
      files: files.length,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      async finish({ proof, passphrase }) {
        let hasKeyFile = false;
        try {
          writeAtomically(join(partial, "proof"), proof, { mode: 0o600, existing: "fail" });
          writeAtomically(join(partial, "manifest"), manifest, { mode: 0o600, existing: "fail" });
          if (keyFile !== null) {
            const sealed = await sealWithPassphrase(KEY_FILE_HEAD, packKeys(keys), passphrase);
            writeAtomically(keyFile, sealed, { mode: 0o600, existing: "fail" });
            hasKeyFile = true;
          }
          refuseThere(to);
          renameSync(partial, to);
          syncFolder(dirname(to));
        } catch (error) {
          // A file of keys is of this backup alone: without it, it is a secret that lies about and opens nothing.
          if (keyFile !== null && hasKeyFile && existsSync(partial)) rmSync(keyFile, { force: true });
          drop();
          throw explainDiskFault(error) ?? error;
        }
      },
      drop,
    };
  } catch (error) {
    drop();
    if (error instanceof CliFailure) throw error;
    throw explainDiskFault(error) ?? refuse(error instanceof Error ? error.message : String(error));
  }
}
