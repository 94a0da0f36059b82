import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const CURRENT = "events.jsonl";
const OLDER = /^events-([0-9]{10})\.jsonl$/;
const TAIL_BYTES = 64 * 1024;

/** Lines in files of a folder, the newest in `events.jsonl`, the others numbered in the order in which they were filled. */
export interface EventFile {
  /** Adds whole lines; durable when it returns. Throws the error of the file system, after which none of them counts. */
  append(lines: string): void;
}

/**
 * Opens it. A file that would grow over `bytes` is put aside first, and of those put aside the newest `keep` stay. A line
 * that a kill cut off is taken away: whoever wrote it writes it again.
 */
export function openEventFile(
  folder: string,
  { bytes, keep }: { readonly bytes: number; readonly keep: number },
): EventFile {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, CURRENT);
  let fd = openWhole(path);
  syncFolder(folder);

  function rotate(): void {
    closeSync(fd);
    const older = readdirSync(folder)
      .filter((name) => OLDER.test(name))
      .toSorted();
    const last = Number(OLDER.exec(older.at(-1) ?? "")?.[1] ?? 0);
    renameSync(path, join(folder, `events-${String(last + 1).padStart(10, "0")}.jsonl`));
    // One more than there were: `keep` stay.
    for (const name of older.slice(0, Math.max(0, older.length + 1 - keep)))
      rmSync(join(folder, name), { force: true });
    fd = openWhole(path);
    syncFolder(folder);
  }

  return {
    append(lines) {
      const data = Buffer.from(lines);
      const before = fstatSync(fd).size;
      if (before > 0 && before + data.length > bytes) {
        rotate();
        return writeWhole(fd, data, 0);
      }
      writeWhole(fd, data, before);
    },
  };
}

function writeWhole(fd: number, data: Buffer, at: number): void {
  try {
    let written = 0;
    while (written < data.length) written += writeSync(fd, data, written);
    fsyncSync(fd);
  } catch (error) {
    // A disk that filled up half way through a line.
    ftruncateSync(fd, at);
    throw error;
  }
}

function openWhole(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  const { size } = fstatSync(fd);
  let end = size;
  while (end > 0) {
    const from = Math.max(0, end - TAIL_BYTES);
    const tail = Buffer.alloc(end - from);
    readSync(fd, tail, 0, tail.length, from);
    const line = tail.lastIndexOf(0x0a);
    if (line >= 0) {
      end = from + line + 1;
      break;
    }
    end = from;
  }
  if (end < size) ftruncateSync(fd, end);
  return fd;
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
