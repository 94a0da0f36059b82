import { close, constants, fdatasync, fstat, fsync, open, write } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { appendAhead } from "./append-ahead.ts";
import { lockFile } from "../files/file-lock.ts";
import type { AppendFile, LogFiles, WholeFile } from "./log-powers.ts";
import { logPaths, openLogReader, readRange } from "./log-reader.ts";

const { O_CREAT, O_DIRECTORY, O_DSYNC, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Writes under way at once. Fewer than the threads of libuv, so that a group of records never waits for tiles. */
const PARALLEL = 2;

// Callbacks made into promises once: a file handle object for every append would cost as much as the append.
const openFile = promisify(open);
const closeFile = promisify(close);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const writeSome = promisify(write);
const statOpen = promisify(fstat);

/** Opens a folder for one log's files; it is made, for its owner only, when it is first held or written to. */
export function openLogFiles(root: string): LogFiles {
  const at = logPaths(root);
  let lock: number | null = null;
  /** Folders that are there; only this process removes any, since it holds the lock. */
  const known = new Set<string>();

  return Object.freeze({
    ...openLogReader(root),
    hold,
    release,
    readRange: (path: string, range: { readonly offset: number; readonly length: number }) =>
      readRange(at(path), range),
    write: writeFiles,
    writeRange,
    append: (path: string) => openAppendFile(at(path)),
    remove,
  });

  async function hold(): Promise<boolean> {
    if (lock !== null) return false;
    await makeFolder(root);
    const descriptor = await openFile(at("lock"), O_RDWR | O_CREAT | O_NOFOLLOW, FILE_MODE);
    if (lockFile(descriptor)) {
      lock = descriptor;
      return true;
    }
    await closeFile(descriptor);
    return false;
  }

  async function release(): Promise<void> {
    if (lock !== null) await closeFile(lock);
    lock = null;
  }

  async function writeFiles(files: readonly WholeFile[], { durable }: { readonly durable: boolean }): Promise<void> {
    const folders = new Set(files.map(({ path }) => dirname(at(path))));
    try {
      for (const folder of folders) await needFolder(folder);
      await inParallel(files, ({ path, bytes }) => replaceFile(at(path), { bytes, durable }));
    } catch (error) {
      known.clear(); // whatever went wrong, the next try takes nothing for granted
      throw error;
    }
    if (durable) await inParallel([...folders], syncFolder);
  }

  async function needFolder(folder: string): Promise<void> {
    if (known.has(folder)) return;
    await makeFolder(folder);
    known.add(folder);
  }

  async function writeRange(path: string, { offset, bytes }: { offset: number; bytes: Uint8Array }): Promise<void> {
    const file = at(path);
    await makeFolder(dirname(file));
    const descriptor = await openFile(file, O_WRONLY | O_CREAT | O_NOFOLLOW, FILE_MODE);
    try {
      await writeAll(descriptor, { bytes, offset });
      await syncData(descriptor);
    } finally {
      await closeFile(descriptor);
    }
    if (offset === 0) await syncFolder(dirname(file));
  }

  async function remove(paths: readonly string[], { durable }: { readonly durable: boolean }): Promise<void> {
    for (const path of paths) {
      for (const folder of known) if (folder === at(path) || folder.startsWith(`${at(path)}/`)) known.delete(folder);
    }
    await inParallel(paths, (path) => rm(at(path), { recursive: true, force: true }));
    if (!durable) return;
    for (const folder of new Set(paths.map((path) => dirname(at(path))))) await syncFolder(folder);
  }
}

/** Makes a folder and those above it, each durable in the one that holds it. */
async function makeFolder(folder: string): Promise<void> {
  let first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  for (let made = folder; first !== undefined; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) first = undefined;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const descriptor = await openFile(folder, O_RDONLY | O_DIRECTORY);
  try {
    await syncAll(descriptor);
  } finally {
    await closeFile(descriptor);
  }
}

/** The new bytes are complete under another name before they take the place of the old (rename(2) is atomic). */
async function replaceFile(file: string, { bytes, durable }: { bytes: Uint8Array; durable: boolean }): Promise<void> {
  const fresh = `${file}.new`;
  try {
    const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | (durable ? O_DSYNC : 0);
    const descriptor = await openFile(fresh, flags, FILE_MODE);
    try {
      await writeAll(descriptor, { bytes, offset: 0 });
    } finally {
      await closeFile(descriptor);
    }
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {}); // a full disk needs the room, and the first error is the one to tell
    throw error;
  }
}

/** O_DSYNC makes each write return as fdatasync would: one crossing into the thread pool instead of two. */
async function openAppendFile(file: string): Promise<AppendFile> {
  const descriptor = await openFile(file, O_WRONLY | O_DSYNC | O_NOFOLLOW);
  const { size } = await statOpen(descriptor);
  return appendAhead({
    size,
    write: (bytes, offset) => writeAll(descriptor, { bytes, offset }),
    close: () => closeFile(descriptor),
  });
}

async function writeAll(descriptor: number, { bytes, offset }: { bytes: Uint8Array; offset: number }): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await writeSome(descriptor, bytes, written, bytes.length - written, offset + written);
    written += bytesWritten;
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const workers = Array.from({ length: Math.min(PARALLEL, items.length) }, async () => {
    for (const item of queue) await work(item);
  });
  const results = await Promise.allSettled(workers);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
