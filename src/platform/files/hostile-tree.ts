import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  type Stats,
} from "node:fs";

// A tree that an agent writes, perhaps at this moment. Every step is taken from an open folder, and no link is followed:
// a path of two segments could lead anywhere by the time that it is walked.

/** What was found below a folder. */
export interface TreeSize {
  /** Bytes on disk; a file with several names once. */
  readonly bytes: number;
  /** Files, folders, links and everything else; each name once. */
  readonly entries: number;
  /** False when the look ended before it had seen all: over its bounds, or too deep. */
  readonly whole: boolean;
}

const O_PATH = 0x20_0000;
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const BLOCK = 512;
/** Folders within each other that are looked into. Each is an open descriptor meanwhile; honest trees have some twenty. */
const MOST_DEPTH = 64;
/** Names that are read of a folder before they are removed: what is removed while it is read may be skipped. */
const BATCH = 1000;

/**
 * Opens a folder by its path, whose last part must not be a link; one that its owner may not read is opened up (u+rwx), since
 * the agent is its owner, too. The caller closes it.
 */
export function openTree(path: string): number {
  try {
    return openSync(path, FOLDER);
  } catch (error) {
    if (!isOf(error, ["EACCES"])) throw error;
  }
  const fd = openSync(path, O_PATH | FOLDER);
  try {
    chmodSync(`/proc/self/fd/${fd}`, 0o700);
  } finally {
    closeSync(fd);
  }
  return openSync(path, FOLDER);
}

/**
 * Adds up what lies below an open folder, and stops when it is over `most`. Folders that their owner may not read are
 * opened up (u+rwx), or an agent could hide in them what it keeps. Throws the error of the file system.
 */
export function measureTree(root: number, most: { readonly bytes: number; readonly entries: number }): TreeSize {
  let bytes = 0;
  let entries = 0;
  /** Files with several names that were counted already. */
  const seen = new Set<number>();
  const within = (): boolean => bytes <= most.bytes && entries <= most.entries;
  const walk = (folder: number, depth: number): boolean =>
    readNames(folder, (name) => {
      const stat = lookAt(folder, name);
      if (stat === null) return true;
      entries += 1;
      if (stat.isDirectory() || stat.nlink < 2 || !seen.has(stat.ino)) bytes += stat.blocks * BLOCK;
      if (!stat.isDirectory() && stat.nlink > 1) seen.add(stat.ino);
      if (!within()) return false;
      if (!stat.isDirectory()) return true;
      if (depth === MOST_DEPTH) return false;
      const inner = openInner(folder, name);
      if (inner === null) return true;
      try {
        return walk(inner, depth + 1);
      } finally {
        closeSync(inner);
      }
    });
  const whole = walk(root, 1);
  return { bytes, entries, whole };
}

/** Removes everything below an open folder, however deep it is. Nothing may write in it meanwhile. Throws the error of the file system. */
export function emptyTree(root: number): void {
  let moved = 0;
  const empty = (folder: number, depth: number): void => {
    for (;;) {
      const names: Buffer[] = [];
      readNames(folder, (name) => names.push(name) < BATCH);
      if (names.length === 0) return;
      for (const name of names) remove(folder, name, depth);
    }
  };
  const remove = (folder: number, name: Buffer, depth: number): void => {
    if (lookAt(folder, name)?.isDirectory() !== true) return unlinkSync(below(folder, name));
    // What lies too deep is taken up to the top, where it is met again.
    if (depth === MOST_DEPTH) return renameSync(below(folder, name), below(root, `aios-deep-${moved++}`));
    const inner = openInner(folder, name);
    if (inner !== null) {
      try {
        empty(inner, depth + 1);
      } finally {
        closeSync(inner);
      }
    }
    rmdirSync(below(folder, name));
  };
  empty(root, 1);
}

/**
 * Makes the places in a tree on which something is going to be mounted: the folders on the way, and at the end an empty
 * file, or a folder when the path ends in `/`. What is in the way (a link, a file where a folder must be) is put aside
 * under another name and told of. Nothing may write in the tree meanwhile. Throws the error of the file system.
 */
export function makePlaces(root: number, paths: readonly string[]): readonly string[] {
  const aside: string[] = [];
  for (const path of paths) {
    const segments = (path.endsWith("/") ? path.slice(0, -1) : path).split("/");
    const opened: number[] = [];
    try {
      segments.forEach((name, index) => {
        const folder = opened.at(-1) ?? root;
        const kind = index < segments.length - 1 || path.endsWith("/") ? "folder" : "file";
        if (clearPlace(folder, name, kind)) aside.push(segments.slice(0, index + 1).join("/"));
        if (kind === "file") closeSync(openSync(below(folder, name), FILE, 0o600));
        else opened.push(openInner(folder, Buffer.from(name)) ?? fail(path));
      });
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }
  return aside;
}

const FILE = constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Sees to it that a name is free for its kind, or already of it; true when something was put aside. */
function clearPlace(folder: number, name: string, kind: "folder" | "file"): boolean {
  const found = lookAt(folder, Buffer.from(name));
  const fits = kind === "folder" ? found?.isDirectory() : found?.isFile();
  if (found !== null && fits !== true) {
    for (let count = 0; ; count++) {
      const other = `${name}.aside-${count}`;
      if (lookAt(folder, Buffer.from(other)) !== null) continue;
      renameSync(below(folder, name), below(folder, other));
      break;
    }
  }
  if (kind === "folder" && fits !== true) mkdirSync(below(folder, name), { mode: 0o700 });
  // A file without permissions could not be opened below, nor mounted on.
  if (kind === "file" && fits === true) withPath(folder, Buffer.from(name), (path) => chmodSync(path, 0o600));
  return found !== null && fits !== true;
}

function fail(path: string): never {
  throw new Error(`"${path}" is gone`);
}

/** Calls back for each name; false of it ends the reading, and is handed on. */
export function readNames(folder: number, each: (name: Buffer) => boolean): boolean {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node takes "buffer" here as elsewhere; its types do not know
  const names = opendirSync(`/proc/self/fd/${folder}`, { bufferSize: 256, encoding: "buffer" as BufferEncoding });
  try {
    for (let entry = names.readSync(); entry !== null; entry = names.readSync()) {
      // One that is no UTF-8 must not be lost.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- bytes, by the encoding above
      if (!each(entry.name as unknown as Buffer)) return false;
    }
    return true;
  } finally {
    names.closeSync();
  }
}

/** A name in an open folder, as a path. */
export function below(folder: number, name: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), Buffer.from(name)]);
}

/** What a name in an open folder is, links not followed; null when it is gone. */
export function lookAt(folder: number, name: Buffer): Stats | null {
  return lstatSync(below(folder, name), { throwIfNoEntry: false }) ?? null;
}

/** Opens a folder in a folder; null when it is gone or has become something else meanwhile. */
export function openInner(folder: number, name: Buffer): number | null {
  try {
    return openSync(below(folder, name), FOLDER);
  } catch (error) {
    if (!isOf(error, ["EACCES"])) return refuseOther(error);
  }
  return withPath(folder, name, (path) => {
    chmodSync(path, 0o700);
    return openSync(path, FOLDER & ~constants.O_NOFOLLOW);
  });
}

/** Hands over a path that means this one inode, whatever its name comes to mean; null when it is gone or a link. */
function withPath<T>(folder: number, name: Buffer, use: (path: string) => T): T | null {
  let fd: number;
  try {
    fd = openSync(below(folder, name), O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    return refuseOther(error);
  }
  try {
    return fstatSync(fd).isSymbolicLink() ? null : use(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function refuseOther(error: unknown): null {
  if (isOf(error, ["ENOENT", "ENOTDIR", "ELOOP"])) return null;
  throw error;
}

function isOf(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => code === error.code);
}
