import { constants } from "node:fs";
import { lstat, open, readdir, realpath } from "node:fs/promises";
import { join, relative } from "node:path";

/** The files below a folder, as they were read. */
export interface ReadTree {
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** What is there and was not read, and why. */
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}

/** Bounds on one tree. */
export interface TreeBounds {
  readonly files: number;
  /** Bytes of one file, and of all. */
  readonly fileBytes: number;
  readonly bytes: number;
  readonly depth: number;
}

/** What git keeps of its own: content of versions that are not checked out. */
const GIT_OBJECTS = /(?:^|\/)\.git\/(?:objects|lfs)$/u;

/**
 * Reads a folder, or one file, for a look at what it holds; null when there is nothing that can be read. Changes nothing.
 * Follows no link: one that stays within the folder leads to what is read anyway, any other is named in `skipped`, as is all
 * that is over a bound, cannot be read or is no regular file.
 */
export async function readTree(root: string, bounds: TreeBounds): Promise<ReadTree | null> {
  const there = await lstat(root).catch(() => null);
  if (there === null) return null;
  const base = await realpath(root);
  const top = await lstat(base);
  if (top.isFile()) {
    const bytes = await readFile(base, bounds.fileBytes);
    const path = base.slice(base.lastIndexOf("/") + 1);
    return typeof bytes === "string"
      ? { files: [], skipped: [{ path, why: bytes }] }
      : { files: [{ path, bytes }], skipped: [] };
  }
  if (!top.isDirectory()) return null;
  const files: { path: string; bytes: Uint8Array }[] = [];
  const skipped: { path: string; why: string }[] = [];
  let left = bounds.bytes;
  const visit = async (folder: string, depth: number): Promise<void> => {
    const path = relative(base, folder);
    if (GIT_OBJECTS.test(path)) return;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
    if (entries === null || depth > bounds.depth) {
      skipped.push({
        path: path === "" ? "." : path,
        why: entries === null ? "the folder cannot be read" : "it lies too deep",
      });
      return;
    }
    for (const entry of entries.toSorted((one, two) => (one.name < two.name ? -1 : 1))) {
      const full = join(folder, entry.name);
      const name = relative(base, full);
      if (files.length + skipped.length >= bounds.files) {
        skipped.push({ path: name, why: "there are too many files" });
        return;
      }
      if (entry.isDirectory()) await visit(full, depth + 1);
      else if (entry.isSymbolicLink()) {
        const target = await realpath(full).catch(() => null);
        if (target === null || !`${target}/`.startsWith(`${base}/`))
          skipped.push({ path: name, why: "it is a link that leads out of the folder" });
      } else if (!entry.isFile()) skipped.push({ path: name, why: "it is no regular file" });
      else {
        const bytes = await readFile(full, Math.min(bounds.fileBytes, left));
        if (typeof bytes === "string") skipped.push({ path: name, why: bytes });
        else {
          left -= bytes.length;
          files.push({ path: name, bytes });
        }
      }
    }
  };
  await visit(base, 0);
  return { files, skipped };
}

/** The bytes of a regular file, or why they were not read. */
async function readFile(path: string, most: number): Promise<Uint8Array | string> {
  try {
    const handle = await open(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    try {
      const found = await handle.stat();
      if (!found.isFile()) return "it is no regular file";
      if (found.size > most) return "it is too large";
      const bytes = new Uint8Array(found.size);
      let at = 0;
      while (at < bytes.length) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    } finally {
      await handle.close();
    }
  } catch {
    return "it cannot be read";
  }
}
