import { closeSync, constants, copyFileSync, fstatSync, lstatSync, openSync } from "node:fs";
import { mkdirSync, renameSync, writeSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import type { UndoEntry, UndoMeta, UndoSeen } from "../../sandbox/undo-entry.ts";
import { linkText } from "../files/file-calls.ts";
import { errnoOf } from "../libc.ts";

/** What is kept of one instance, in a folder of its own. Results are 0, or a negative error number: then nothing may happen. */
export interface UndoStore {
  /** Before the content of a file changes. `fd` stands for it (O_PATH), `path` is where it is. */
  changing(fd: number, path: string): number;
  /** Whether a file has names that the instance did not give: what changes under one of them would change under the others. */
  isShared(found: BigIntStats): boolean;
  /** After a copy took the place of a name of a shared file, which `fd` stands for. */
  parted(fd: number): void;
  /** Before a name goes, by removal or because something takes its place. */
  removing(fd: number, path: string): number;
  /** Before something moves. */
  moving(move: {
    readonly from: string;
    readonly to: string;
    readonly how: "move" | "exchange";
    readonly isFolder: boolean;
  }): number;
  /** How much was noted so far. */
  mark(): number;
  /** Takes back what was noted since a mark: it did not come to be. */
  cancel(mark: number): void;
  /** After a name was made. `fd` stands for what is there; a further link to a file that was there before makes it no new one. */
  made(path: string, fd: number): void;
  /** Before a mode changes. */
  modeChanging(fd: number, path: string): number;
  /** Whether another name can still be made. */
  hasRoom(): boolean;
  /** Notes how everything was left, so that what changes later is told from what the instance did. */
  close(): void;
}

/** Characters of paths that are held in memory until the end. */
const PATHS_MOST = 64 * 1024 * 1024;

/** Opens an empty folder as a store of at most `most` bytes of content and notes together. */
export function createUndoStore(folder: string, most: number): UndoStore {
  const blobs = join(folder, "blobs");
  mkdirSync(blobs, { mode: 0o700 });
  const journal = openSync(join(folder, "journal"), "ax", 0o600);
  /** Files that did not exist before, and how many names were given to each: nothing of them needs keeping. By device and inode. */
  const ours = new Map<string, bigint>();
  /** By device and inode: the blob, and what the file was like when it was kept. */
  const kept = new Map<string, { readonly blob: number; readonly meta: UndoMeta }>();
  /** Those of which it is noted, under the one name that each had then, that their content changes. */
  const changed = new Set<string>();
  const paths = new Set<string>();
  let used = 0;
  let remembered = 0;
  let noted = 0;
  let last = 0;

  function remember(path: string): void {
    if (paths.has(path)) return;
    paths.add(path);
    remembered += path.length;
  }

  function note(entry: UndoEntry, ...named: readonly string[]): void {
    for (const path of named) remember(path);
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    noted++;
    used += line.length;
    writeSync(journal, line);
  }

  function keepContent(fd: number, found: BigIntStats): { readonly blob: number; readonly meta: UndoMeta } | number {
    const known = kept.get(keyOf(found));
    if (known !== undefined) return known;
    if (used + Number(found.size) > most) return -errnoOf("EDQUOT");
    const blob = ++last;
    try {
      const { COPYFILE_EXCL, COPYFILE_FICLONE } = constants;
      copyFileSync(`/proc/self/fd/${fd}`, join(blobs, String(blob)), COPYFILE_EXCL | COPYFILE_FICLONE);
    } catch (error) {
      return -errnoOf(codeOf(error));
    }
    used += Number(found.size);
    const made = { blob, meta: metaOf(found) };
    kept.set(keyOf(found), made);
    return made;
  }

  const store: UndoStore = {
    changing(fd, path) {
      const found = fstatSync(fd, { bigint: true });
      if (ours.has(keyOf(found)) || changed.has(keyOf(found))) return 0;
      const content = keepContent(fd, found);
      if (typeof content === "number") return content;
      note({ did: "changed", path, ...content }, path);
      if (!store.isShared(found)) changed.add(keyOf(found));
      return 0;
    },
    isShared: (found) => found.isFile() && found.nlink > (ours.get(keyOf(found)) ?? 1n),
    parted(fd) {
      const key = keyOf(fstatSync(fd, { bigint: true }));
      // What is left of it can change or go without being seen here.
      kept.delete(key);
      changed.delete(key);
    },
    removing(fd, path) {
      const found = fstatSync(fd, { bigint: true });
      const isLast = found.isDirectory() || found.nlink === 1n;
      const names = ours.get(keyOf(found));
      if (names !== undefined) {
        if (isLast)
          ours.delete(keyOf(found)); // its number may come to be another file's
        else ours.set(keyOf(found), names - 1n);
        return 0;
      }
      const meta = metaOf(found);
      if (found.isDirectory()) note({ did: "removed-folder", path, meta }, path);
      else if (found.isSymbolicLink()) {
        note({ did: "removed-link", path, text: linkText(fd), meta }, path);
      } else {
        const content = found.isFile() ? keepContent(fd, found) : -errnoOf("EACCES");
        if (typeof content === "number") return content;
        note({ did: "removed", path, ...content }, path);
        if (isLast) kept.delete(keyOf(found));
        if (isLast) changed.delete(keyOf(found));
      }
      return 0;
    },
    moving({ from, to, how, isFolder }) {
      if (!store.hasRoom()) return -errnoOf("EDQUOT");
      note({ did: how === "move" ? "moved" : "exchanged", from, to }, from, to);
      if (isFolder) {
        const below = [...paths].filter((path) => path.startsWith(`${from}/`));
        for (const path of below) remember(to + path.slice(from.length));
      }
      return 0;
    },
    mark: () => noted,
    cancel(mark) {
      for (let left = noted - mark; left > 0; left--) note({ did: "not" });
      noted = mark;
    },
    made(path, fd) {
      const found = fstatSync(fd, { bigint: true });
      const names = found.isDirectory() || found.nlink === 1n ? 0n : ours.get(keyOf(found));
      if (names !== undefined) ours.set(keyOf(found), names + 1n);
      note({ did: "made", path }, path);
    },
    modeChanging(fd, path) {
      const found = fstatSync(fd, { bigint: true });
      if (ours.has(keyOf(found))) return 0;
      if (!store.hasRoom()) return -errnoOf("EDQUOT");
      note({ did: "mode", path, mode: modeOf(found) }, path);
      return 0;
    },
    hasRoom: () => used < most && remembered < PATHS_MOST,
    close() {
      // Whole or not at all: what is not in it would pass for nobody's since.
      const [beside, final] = [join(folder, "final-new"), join(folder, "final")];
      const file = openSync(beside, "wx", 0o600);
      for (const path of paths) writeSync(file, `${JSON.stringify({ path, seen: look(path) })}\n`);
      closeSync(file);
      renameSync(beside, final);
      closeSync(journal);
    },
  };
  return Object.freeze(store);
}

/** How a path looks that nobody can look at: in a folder without rights, or too long. It is like nothing that can be seen. */
export const OUT_OF_REACH: UndoSeen = { inode: "", size: 0, mtimeNs: "" };

/** How a path looks now: null when nothing is there. */
export function look(path: string): UndoSeen | null {
  let found: BigIntStats | undefined;
  try {
    found = statAt(path);
  } catch (error) {
    if (isOutOfReach(error)) return OUT_OF_REACH;
    throw error;
  }
  if (found === undefined) return null;
  const { size, mtimeNs } = metaOf(found);
  // A folder's own size and time change with what is in it, which is looked at by itself.
  if (found.isDirectory()) return { inode: String(found.ino), size: 0, mtimeNs: "0" };
  return { inode: String(found.ino), size, mtimeNs };
}

/** Whether an error says that nobody can come to a path as it stands. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "ENAMETOOLONG");
}

/** What is at a path, a link or not; undefined when nothing is. */
export function statAt(path: string): BigIntStats | undefined {
  try {
    return lstatSync(Buffer.from(path, "latin1"), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    // What was a folder above it is none any more.
    if (error instanceof Error && "code" in error && (error.code === "ENOTDIR" || error.code === "ELOOP"))
      return undefined;
    throw error;
  }
}

function metaOf(found: BigIntStats): UndoMeta {
  return { mode: modeOf(found), size: Number(found.size), mtimeNs: String(found.mtimeNs) };
}

function modeOf(found: BigIntStats): number {
  return Number(found.mode & 0o777n);
}

function keyOf(found: BigIntStats): string {
  return `${found.dev}:${found.ino}`;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return ["ENOSPC", "EDQUOT", "EACCES"].includes(code) ? code : "EIO";
}
