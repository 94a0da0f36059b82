import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";

/** How a file is put in place. */
export interface AtomicWrite {
  /** Permission bits; the umask is taken from them. */
  readonly mode: number;
  /** `fail` throws `EEXIST` when something is there, `replace` puts it out of the way. */
  readonly existing: "fail" | "replace";
  /** Exactly these permission bits, whatever the umask, and this group. */
  readonly exactly?: { readonly group: number };
  /** What the fresh file beside it is called; absent: something random. `EEXIST` when it is there. */
  readonly fresh?: string;
}

/**
 * Writes a file that is there whole or not at all, after a crash too: a new file is written and synced beside it, put in
 * place in one step, and the folder is synced. Throws the error of the file system, and leaves nothing behind.
 */
export function writeAtomically(path: string, bytes: string | Uint8Array, options: AtomicWrite): void {
  const fresh = options.fresh ?? `${path}.${randomBytes(8).toString("hex")}`;
  try {
    writeDurably(fresh, bytes, options);
    // link(2) does not follow or replace what is at the new name; rename(2) replaces it.
    if (options.existing === "fail") linkSync(fresh, path);
    else renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
  syncFolder(dirname(path));
}

function writeDurably(path: string, bytes: string | Uint8Array, { mode, exactly }: AtomicWrite): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
  try {
    if (exactly !== undefined) {
      fchownSync(fd, -1, exactly.group);
      fchmodSync(fd, mode);
    }
    const data = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    let written = 0;
    while (written < data.length) written += writeSync(fd, data, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes what was put into a folder, or renamed there, durable. */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
