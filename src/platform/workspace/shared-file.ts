import { randomBytes } from "node:crypto";
import { closeSync, constants, copyFileSync, fchmodSync, fchownSync, fstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { copyAttributes } from "../files/file-attributes.ts";
import * as call from "../files/file-calls.ts";
import { errnoOf } from "../libc.ts";
import type { UndoStore } from "./undo-store.ts";

/** How the name of a copy begins that takes the place of a file as soon as it is whole. */
export const COPY = ".aios-copy-";

const EXCHANGE = 2;
/** How the kernel ends the path of a descriptor whose name is gone. A name may end so, too. */
const GONE = " (deleted)";
const NOT_OURS = -errnoOf("EACCES");

/** A file of a guarded root: what stands for it (O_PATH or open), and its path as the kernel has it. */
interface There {
  readonly fd: number;
  readonly path: string;
}

/**
 * Makes a file ready for a change of its content or mode: how it was is kept, and when it has names that this run did not
 * give, a copy takes the place of this one first. Such names lie in a package store, a snapshot or a cache that other
 * projects and tools trust, and what has two names is one file. Returns the descriptor that stands for what may be changed
 * now, the same or a new one that the caller closes; or a negative error number, and everything is as it was.
 */
export function readyToChange(
  there: There,
  { root, store, change }: { readonly root: number; readonly store: UndoStore; readonly change: "content" | "mode" },
): number {
  const { fd, path } = there;
  const found = fstatSync(fd, { bigint: true });
  const shared = store.isShared(found);
  if (!shared && !path.endsWith(GONE)) return kept(store, there, change);
  const at = placeOf(there, { root, found });
  // Without a name here, one that it has is elsewhere.
  if (at === null) return found.nlink === 0n ? fd : NOT_OURS;
  try {
    if (!shared) return kept(store, there, change);
    const mark = store.mark();
    const keeps = store.changing(fd, path);
    const copy = keeps < 0 ? keeps : part(fd, at, { found, store });
    if (copy < 0) store.cancel(mark);
    return copy;
  } finally {
    closeSync(at.folder);
  }
}

function kept(store: UndoStore, { fd, path }: There, change: "content" | "mode"): number {
  const keeps = change === "content" ? store.changing(fd, path) : store.modeChanging(fd, path);
  return keeps < 0 ? keeps : fd;
}

/** Where a name of this very file is, by its path; null when what is there is another. The caller closes the folder. */
function placeOf(
  { path }: There,
  { root, found }: { readonly root: number; readonly found: BigIntStats },
): (call.Place & { readonly above: string }) | null {
  const cut = path.lastIndexOf("/");
  const [above, name] = [path.slice(0, cut), path.slice(cut + 1)];
  const folder = call.resolveIn(root, above, call.O_DIRECTORY);
  if (folder < 0) return null;
  const at = { folder, name, above };
  if (call.pathOf(folder) === above && isAt(at, found)) return at;
  closeSync(folder);
  return null;
}

function isAt({ folder, name }: call.Place, found: BigIntStats): boolean {
  const fd = call.openName(folder, name, { flags: call.O_PATH, mode: 0 });
  if (fd < 0) return false;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  closeSync(fd);
  return dev === found.dev && ino === found.ino;
}

/**
 * Puts a copy in the place of one name of a file; the others keep the file. At every moment the name leads to the one or
 * the other, whole. The copy is noted as made beforehand, so that undoing finds it wherever this is stopped.
 */
function part(
  fd: number,
  at: call.Place & { readonly above: string },
  { found, store }: { readonly found: BigIntStats; readonly store: UndoStore },
): number {
  const beside = { folder: at.folder, name: `${COPY}${randomBytes(8).toString("hex")}` };
  const flags = constants.O_RDWR | call.O_CREAT | call.O_EXCL;
  const copy = call.openName(beside.folder, beside.name, { flags, mode: 0o600 });
  if (copy < 0) return copy;
  const path = `${at.above}/${beside.name}`;
  store.made(path, copy);
  let failed = fill(copy, fd, found);
  if (failed === 0) failed = call.renameName(beside, at, EXCHANGE);
  // Whoever waits for no turn, a person's editor, can have put another file there: that goes back.
  if (failed === 0 && !isAt(beside, found)) {
    failed = NOT_OURS;
    if (call.renameName(beside, at, EXCHANGE) < 0) {
      closeSync(copy);
      return failed;
    }
  }
  if (failed < 0) store.removing(copy, path);
  else store.parted(fd);
  call.removeName(beside.folder, beside.name, 0);
  if (failed === 0) return copy;
  closeSync(copy);
  return failed;
}

/** Gives a copy the content of a file and all else that it is known by; 0, or a negative error number. */
function fill(copy: number, fd: number, found: BigIntStats): number {
  try {
    const made = fstatSync(copy, { bigint: true });
    // A mode means something else with another owner.
    if (made.uid !== found.uid || made.gid !== found.gid) fchownSync(copy, Number(found.uid), Number(found.gid));
    copyFileSync(`/proc/self/fd/${fd}`, `/proc/self/fd/${copy}`, constants.COPYFILE_FICLONE);
    fchmodSync(copy, 0o600); // as it was copied, it may forbid what comes next
    const attributes = copyAttributes(fd, copy);
    if (attributes < 0) return attributes;
    fchmodSync(copy, Number(found.mode & 0o7777n));
    return call.setOpenTimes(copy, { atime: found.atimeNs, mtime: found.mtimeNs });
  } catch (error) {
    return numberOf(error);
  }
}

function numberOf(error: unknown): number {
  const number = error instanceof Error && "errno" in error ? error.errno : null;
  return typeof number === "number" ? number : -errnoOf("EIO");
}
