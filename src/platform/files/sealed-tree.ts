import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, openSync, readSync } from "node:fs";
import { below, lookAt, openInner, readNames } from "./hostile-tree.ts";

/** A file of a tree, as its digest counts it. */
export interface SealedFile {
  readonly path: string;
  readonly executable: boolean;
  readonly bytes: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

/** A tree of files and folders, whole. */
export interface SealedTree {
  /** `sha256:` over the path, the executable bit, the size and the digest of every file; docs/formats/extension.md. */
  readonly digest: string;
  readonly bytes: number;
  /** By the bytes of their paths. */
  readonly files: readonly SealedFile[];
}

const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CHUNK = 1024 * 1024;
/** More than what is unpacked may have (extensions/archive/bounds.ts), so that nothing is judged by chance. */
const MOST = { depth: 40, entries: 25_000, bytes: 512 * 1024 * 1024 };

/**
 * Reads every byte below an open folder, from descriptor to descriptor. There are regular files with one name each, and
 * folders that have something in them: for anything else it throws, since nothing of it would be in the digest.
 * With `seal` everything is made read-only and durable on the way.
 */
export function readTree(root: number, { seal }: { readonly seal: boolean }): SealedTree {
  const files: SealedFile[] = [];
  let bytes = 0;
  let entries = 0;
  const walk = (folder: number, prefix: string, depth: number): void => {
    const names: Buffer[] = [];
    readNames(folder, (name) => names.push(name) <= MOST.entries);
    if (names.length === 0) throw new Error(`the folder "${prefix}" is empty`);
    for (const name of names) {
      entries += 1;
      if (entries > MOST.entries || depth > MOST.depth) throw new Error("it has more, or deeper, than any extension");
      const path = `${prefix}${nameOf(name)}`;
      if (lookAt(folder, name)?.isDirectory() === true) {
        const inner = openInner(folder, name);
        if (inner === null) throw new Error(`"${path}" is gone`);
        try {
          walk(inner, `${path}/`, depth + 1);
        } finally {
          closeSync(inner);
        }
      } else {
        const file = readFile(below(folder, name), path, { seal, most: MOST.bytes - bytes });
        bytes += file.bytes;
        files.push(file);
      }
    }
    if (seal) sealAs(folder, 0o500);
  };
  walk(root, "", 1);
  files.sort((left, right) => Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)));
  return { digest: digestOf(files), bytes, files };
}

/** Lets folders be written in again, so that they can be removed. */
export function unsealTree(root: number): void {
  fchmodSync(root, 0o700);
  readNames(root, (name) => {
    if (lookAt(root, name)?.isDirectory() !== true) return true;
    const inner = openInner(root, name);
    if (inner === null) return true;
    try {
      unsealTree(inner);
    } finally {
      closeSync(inner);
    }
    return true;
  });
}

/** Of each file a line, after a first one that says what this is. No path has a newline in it. */
function digestOf(files: readonly SealedFile[]): string {
  const hash = createHash("sha256").update("aios-tree-v1\n");
  for (const { path, executable, bytes, sha256 } of files)
    hash.update(`${executable ? "x" : "-"} ${bytes} ${sha256} ${path}\n`);
  return `sha256:${hash.digest("hex")}`;
}

function readFile(
  place: Buffer,
  path: string,
  { seal, most }: { readonly seal: boolean; readonly most: number },
): SealedFile {
  const fd = openSync(place, FILE);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.nlink !== 1) throw new Error(`"${path}" is no file of its own`);
    const executable = (stat.mode & 0o100) !== 0;
    const hash = createHash("sha256");
    const chunk = Buffer.alloc(CHUNK);
    let bytes = 0;
    for (;;) {
      const read = readSync(fd, chunk, 0, CHUNK, null);
      if (read === 0) break;
      bytes += read;
      if (bytes > most) throw new Error("it has more bytes than any extension");
      hash.update(chunk.subarray(0, read));
    }
    if (seal) sealAs(fd, executable ? 0o500 : 0o400);
    return { path, executable, bytes, sha256: hash.digest("hex") };
  } finally {
    closeSync(fd);
  }
}

function sealAs(fd: number, mode: number): void {
  fchmodSync(fd, mode);
  fsyncSync(fd);
}

function nameOf(name: Buffer): string {
  const text = name.toString("utf8");
  if (!isUtf8(name) || /[\p{C}\p{Zl}\p{Zp}]/u.test(text)) throw new Error("a name in it is not plain");
  return text;
}
