import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import type { UndoMeta } from "../../sandbox/undo-entry.ts";
import { exchangeNames, setTimes } from "../files/file-calls.ts";
import { statAt } from "./undo-store.ts";
import { openWay, withRights } from "./undo-way.ts";

/** What is at a path, as far as undoing goes by it. */
export interface UndoFound {
  readonly kind: "file" | "folder" | "link" | "other";
  /** Rights, 0 to 0o777. */
  readonly mode: number;
  readonly size: number;
  readonly mtimeNs: string;
  /** Tells it from what else is there. */
  readonly inode: string;
}

/**
 * What undoing does to files, one act after the other. Each that cannot be done throws what the file system throws. A path is
 * bytes as characters, absolute.
 */
export interface UndoHands {
  /** Gives back the rights that the run took from folders above a path. Never throws. */
  openWay(path: string): void;
  /** What is at a path, a link or not. `meant`: what would be there if the run's own work stood, for where nobody can look. */
  find(path: string, meant: "something" | "nothing"): UndoFound | undefined;
  /** Whether no link leads to the folder of a path. */
  isStraight(path: string): boolean;
  remove(path: string, kind: UndoFound["kind"]): void;
  /** Whole or not at all: content, mode and time, in the place of a file or of nothing. */
  restore(path: string, kept: { readonly blob: number; readonly meta: UndoMeta }): void;
  makeFolder(path: string, mode: number): void;
  makeLink(path: string, text: string): void;
  setMode(path: string, mode: number): void;
  move(from: string, to: string): void;
  exchange(one: string, other: string): void;
}

/** Hands that do it. `folder` is the store that has the content, `made` what the run made or changed the mode of. */
export function createUndoHands(folder: string, made: ReadonlySet<string>): UndoHands {
  return {
    openWay: (path) => openWay(path, made),
    find: findAt,
    isStraight(path) {
      const above = path.slice(0, path.lastIndexOf("/"));
      try {
        return realpathSync(bytes(above), "latin1") === above;
      } catch (error) {
        // Nothing can be there, and the step itself says what that means.
        return error instanceof Error && "code" in error && error.code === "ENOENT";
      }
    },
    remove: (path, kind) =>
      withRights(path, () => (kind === "folder" ? rmdirSync(bytes(path)) : unlinkSync(bytes(path)))),
    restore: (path, { blob, meta }) =>
      withRights(path, () => {
        const beside = `${path}.aios-undo`;
        // Left of a step that was stopped; or an agent's, a link to where it would like this content to be.
        rmSync(bytes(beside), { force: true });
        const { COPYFILE_EXCL, COPYFILE_FICLONE } = constants;
        copyFileSync(join(folder, "blobs", String(blob)), bytes(beside), COPYFILE_EXCL | COPYFILE_FICLONE);
        chmodSync(bytes(beside), meta.mode);
        setTimes(beside, BigInt(meta.mtimeNs));
        renameSync(bytes(beside), bytes(path));
      }),
    makeFolder: (path, mode) =>
      withRights(path, () => {
        mkdirSync(bytes(path), { mode });
        chmodSync(bytes(path), mode);
      }),
    makeLink: (path, text) => withRights(path, () => symlinkSync(bytes(text), bytes(path))),
    setMode: (path, mode) => chmodSync(bytes(path), mode),
    move: (from, to) => withRights(from, () => withRights(to, () => renameSync(bytes(from), bytes(to)))),
    exchange: (one, other) => withRights(one, () => withRights(other, () => exchangeNames(one, other))),
  };
}

/** What is at a path now. */
export function findAt(path: string): UndoFound | undefined {
  const found = statAt(path);
  if (found === undefined) return undefined;
  const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "other";
  const { mode, size, mtimeNs, ino } = found;
  return { kind, mode: Number(mode & 0o777n), size: Number(size), mtimeNs: String(mtimeNs), inode: String(ino) };
}

function bytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}
