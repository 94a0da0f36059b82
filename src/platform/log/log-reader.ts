import { close, constants, fstat, open, read, type Stats } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LogReader } from "./log-powers.ts";

/** A pipe or a device must not hold up whoever reads a folder that somebody else made. */
export const READ_FLAGS: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** More than a segment, or a bundle of the longest records: a copy of a log may come from anybody. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

// Callbacks made into promises once: a file handle object for every read would cost as much as the read.
const openFile = promisify(open);
const closeFile = promisify(close);
const readSome = promisify(read);
const statFile: (descriptor: number) => Promise<Stats> = promisify(fstat);

/** Opens a folder of log files for reading only. `root` is absolute. Symbolic links are not followed. */
export function openLogReader(root: string): LogReader {
  const at = logPaths(root);
  return Object.freeze({
    read: (path: string) => readWhole(at(path)).catch((error: unknown) => unreadable(path, error)),
    list: (folder: string) => listNames(at(folder)).catch((error: unknown) => unreadable(folder, error)),
  });
}

/** Paths of a log are plain names below its folder; anything else is a fault of the caller. */
export function logPaths(root: string): (path: string) => string {
  return (path) => {
    if (!path.split("/").every((name) => PLAIN_NAME.test(name))) {
      throw new RangeError(`Cannot use the log file ${JSON.stringify(path)}: it is not a path of plain names`);
    }
    return join(root, path);
  };
}

/** Up to `length` bytes of a file from `offset`; fewer at its end, null when there is none. */
export async function readRange(
  file: string,
  range: { readonly offset: number; readonly length: number },
): Promise<Uint8Array | null> {
  let descriptor: number;
  try {
    descriptor = await openFile(file, READ_FLAGS);
  } catch (error) {
    return absent(error);
  }
  try {
    return await readFrom(descriptor, range);
  } finally {
    await closeFile(descriptor);
  }
}

async function readWhole(file: string): Promise<Uint8Array | null> {
  let descriptor: number;
  try {
    descriptor = await openFile(file, READ_FLAGS);
  } catch (error) {
    return absent(error);
  }
  try {
    const found = await statFile(descriptor);
    return await readFrom(descriptor, { offset: 0, length: lengthOf(found) });
  } finally {
    await closeFile(descriptor);
  }
}

/** Bytes of a file, if it is one that a log can have. */
export function lengthOf(found: Stats): number {
  if (!found.isFile()) throw new Error("it is no plain file");
  if (found.size <= MAX_FILE_BYTES) return found.size;
  throw new RangeError(`${found.size} bytes are more than any file of a log has`);
}

async function readFrom(
  descriptor: number,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await readSome(descriptor, bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function listNames(folder: string): Promise<readonly string[]> {
  try {
    const names = await readdir(folder);
    return names.toSorted();
  } catch (error) {
    return absent(error) ?? [];
  }
}

const READ_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["ELOOP", "it is a symbolic link, or behind links that lead in a circle"],
  ["ENOTDIR", "something else is where a folder should be"],
  ["EISDIR", "it is a folder"],
  ["ENXIO", "it is no plain file"],
  ["EACCES", "it may not be read by whoever asks"],
]);

/** Says in words which file it is and what is wrong with it; the code of the file system stays with it. */
export function unreadable(path: string, error: unknown): never {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
  const plain = error instanceof Error ? error.message : String(error);
  const why = READ_FAULTS.get(code) ?? code ?? plain;
  throw Object.assign(new Error(`Cannot read ${path}: ${why}`, { cause: error }), code === null ? {} : { code });
}

/** Null for a file that is not there; every other failure is one (ERRORS-DENY). */
export function absent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}
