import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, readSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../files/atomic-file.ts";
import { lockFile } from "../files/file-lock.ts";
import { findFile } from "../files/found-file.ts";
import { PlatformError } from "../platform-error.ts";
import type { Signer } from "../powers.ts";
import { createSigner } from "../keys/signer.ts";

/** The folder of a witness: its key, its name, and the last cosigned note of each log. One process has it at a time. */
export interface WitnessStore {
  readonly name: string;
  readonly signer: Signer;
  /** The last note of a log, null when none was ever kept. Throws for one that is there and cannot be read. */
  read(origin: string): string | null;
  /** The note is durable when this returns. */
  write(origin: string, note: string): void;
}

/** A pipe or a device must not hold up whoever reads the folder. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A checkpoint with a hundred cosignatures has less. */
const MOST_NOTE_BYTES = 64 * 1024;
const SEED_BYTES = 32;
const SEEN = /^seen-[0-9a-f]{64}$/;

/**
 * Opens a witness's folder, or makes it, with a fresh key under this name. A key has one name for good: what it signs does
 * not say the name, so a second one would pass for the first. Throws PlatformError `bad-key-file` or `witness-running`.
 */
export function openWitnessStore(folder: string, name: string): WitnessStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = openSync(join(folder, "lock"), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  if (!lockFile(lock)) {
    closeSync(lock);
    throw new PlatformError("witness-running", `Cannot open ${folder}: another witness runs on it`);
  }
  const kept = keep(join(folder, "name"), Buffer.from(`${name}\n`)).toString();
  if (kept !== `${name}\n`) {
    throw new PlatformError("bad-key-file", `Cannot open ${folder}: its key has the name ${kept.trim()}, not ${name}`);
  }
  const seed = keep(join(folder, "key"), randomBytes(SEED_BYTES));
  if (seed.length !== SEED_BYTES) {
    throw new PlatformError("bad-key-file", `Cannot use ${join(folder, "key")}: it has ${seed.length} bytes, not 32`);
  }
  const signer = createSigner(seed);
  seed.fill(0);
  const at = (origin: string): string => join(folder, seenFile(origin));
  return {
    name,
    signer,
    read: (origin) => readOrNull(at(origin)),
    write: (origin, note) => writeAtomically(at(origin), note, { mode: 0o600, existing: "replace" }),
  };
}

/** The file of what a witness saw last of a log. */
export function seenFile(origin: string): string {
  return `seen-${createHash("sha256").update(origin).digest("hex")}`;
}

/** The name that a witness's folder was made with, or null when none was made there. */
export function readWitnessName(folder: string): string | null {
  return readOrNull(join(folder, "name"))?.trim() ?? null;
}

/** The key of a witness's folder, and every note that is there, in no order of meaning. Throws errors of the file system. */
export async function readSeen(folder: string): Promise<{
  readonly key: { readonly name: string; readonly publicKey: Uint8Array };
  readonly notes: readonly { readonly file: string; readonly note: string }[];
}> {
  const names = (await readdir(folder)).filter((name) => SEEN.test(name)).toSorted();
  const seed = readPlain(join(folder, "key"));
  const { publicKey } = createSigner(seed);
  seed.fill(0);
  const name = readPlain(join(folder, "name")).toString().trim();
  const notes = names.map(async (file) => ({ file, note: await readNote(folder, file) }));
  return { key: { name, publicKey }, notes: await Promise.all(notes) };
}

/** A note as it is there; nothing for what is no file, or longer than any note: no witness has cosigned that. */
async function readNote(folder: string, file: string): Promise<string> {
  const found = await findFile(folder, { names: [file], most: MOST_NOTE_BYTES });
  if (found.kind === "unreadable") throw new Error(`${file} may not be read`);
  return found.kind === "file" ? (found.text ?? "") : "";
}

/** A file of ours that is made once: what is there, or these bytes. */
function keep(path: string, bytes: Buffer): Buffer {
  try {
    writeAtomically(path, bytes, { mode: 0o600, existing: "fail" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const fd = openSync(path, READ_FLAGS);
  try {
    const found = fstatSync(fd);
    const { uid, mode, size } = found;
    if (!found.isFile() || uid !== process.geteuid?.() || (mode & 0o077) !== 0) {
      throw new PlatformError("bad-key-file", `Cannot use ${path}: it must be ours, of mode 600`);
    }
    const there = Buffer.alloc(Math.min(size, 4096));
    readSync(fd, there);
    return there;
  } finally {
    closeSync(fd);
  }
}

/** Throws for what is no file. */
function readPlain(path: string): Buffer {
  const fd = openSync(path, READ_FLAGS);
  try {
    if (!fstatSync(fd).isFile()) throw Object.assign(new Error(`${path} is no file`), { code: "ENXIO" });
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readOrNull(path: string): string | null {
  try {
    return readPlain(path).toString();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
