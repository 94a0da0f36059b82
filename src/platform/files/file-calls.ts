import { accessSync, constants, readlinkSync } from "node:fs";
import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";

// asm-generic/fcntl.h (x86_64 and arm64 differ in two of these), linux/openat2.h
const ARM = process.arch === "arm64";
export const O_ACCMODE = 3;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_DIRECTORY: number = ARM ? 0o40_000 : 0o200_000;
export const O_NOFOLLOW: number = ARM ? 0o100_000 : 0o400_000;
export const O_CLOEXEC = 0o2_000_000;
export const O_PATH = 0o10_000_000;
/** __O_TMPFILE alone; O_TMPFILE is it and O_DIRECTORY. */
export const O_TMPFILE = 0o20_000_000;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
const AT_SYMLINK_FOLLOW = 0x400;
export const AT_REMOVEDIR = 0x200;

// From 424 on the numbers are the same everywhere.
const SYS_OPENAT2 = 437;
const SYS_RENAMEAT2 = ARM ? 276 : 316;
/** How often a path is looked up again because something was renamed meanwhile, anywhere on the machine. */
const TRIES = 128;

const openat2 = bindFunction<[number, number, Buffer, Buffer, number]>(
  "long syscall(long, long, void *, void *, long)",
);
const openatCall = bindFunction<[number, Buffer, number, number]>("int openat(int, void *, int, unsigned int)");
const mkdiratCall = bindFunction<[number, Buffer, number]>("int mkdirat(int, void *, unsigned int)");
const unlinkatCall = bindFunction<[number, Buffer, number]>("int unlinkat(int, void *, int)");
const renameat2 = bindFunction<[number, number, Buffer, number, Buffer, number]>(
  "long syscall(long, long, void *, long, void *, long)",
);
const linkatCall = bindFunction<[number, Buffer, number, Buffer, number]>("int linkat(int, void *, int, void *, int)");
const symlinkatCall = bindFunction<[Buffer, number, Buffer]>("int symlinkat(void *, int, void *)");
const ftruncateCall = bindFunction<[number, bigint]>("int ftruncate(int, int64_t)");
const readlinkatCall = bindFunction<[number, Buffer, Buffer, number]>(
  "long readlinkat(int, void *, void *, unsigned long)",
);
const utimensatCall = bindFunction<[number, Buffer, Buffer, number]>("int utimensat(int, void *, void *, int)");
const futimensCall = bindFunction<[number, Buffer]>("int futimens(int, void *)");
const chmodCall = bindFunction<[Buffer, number]>("int chmod(void *, unsigned int)");

/** A call's result, or the number of its error as a negative one. */
function outcome(result: number): number {
  return result < 0 ? -lastErrno() : result;
}

/** Bytes of a path, one a character, with the NUL that C wants. */
function cPath(path: string): Buffer {
  return Buffer.from(`${path}\0`, "latin1");
}

const how = Buffer.alloc(24); // struct open_how { flags, mode, resolve }
how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16);
const AGAIN = -errnoOf("EAGAIN");

/**
 * Resolves a path as a process whose root is `root` does, to a descriptor that stands for what was found and opens nothing
 * (O_PATH). Links of /proc that are no paths are not followed. The caller closes it. A negative error number otherwise.
 */
export function resolveIn(root: number, path: string, flags: number): number {
  how.writeBigUInt64LE(BigInt((flags | O_PATH | O_CLOEXEC) >>> 0), 0);
  const bytes = cPath(path);
  let result = AGAIN;
  for (let tries = 0; tries < TRIES && result === AGAIN; tries++) {
    result = outcome(openat2(SYS_OPENAT2, root, bytes, how, how.length));
  }
  return result;
}

/** The path of a descriptor as the kernel has it now, bytes as characters; null when it has none or it is too long. */
export function pathOf(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`, "latin1");
  } catch {
    return null;
  }
}

/** Where a symbolic link leads for which an O_PATH descriptor stands. Throws `system-call`. */
export function linkText(fd: number): string {
  const text = Buffer.alloc(4096);
  return text.toString("latin1", 0, checkCall("read a link", readlinkatCall(fd, cPath(""), text, text.length)));
}

/** Opens what an O_PATH descriptor stands for. */
export function reopen(fd: number, flags: number): number {
  return outcome(openatCall(-100, cPath(`/proc/self/fd/${fd}`), flags | O_CLOEXEC, 0));
}

/** Opens or makes a name of a folder, following no link there. */
export function openName(
  folder: number,
  name: string,
  open: { readonly flags: number; readonly mode: number },
): number {
  return outcome(openatCall(folder, cPath(name), open.flags | O_CLOEXEC | O_NOFOLLOW, open.mode));
}

export function makeFolder(folder: number, name: string, mode: number): number {
  return outcome(mkdiratCall(folder, cPath(name), mode));
}

export function removeName(folder: number, name: string, flags: number): number {
  return outcome(unlinkatCall(folder, cPath(name), flags));
}

/** One name of one folder. */
export interface Place {
  readonly folder: number;
  readonly name: string;
}

export function renameName(from: Place, to: Place, flags: number): number {
  return outcome(renameat2(SYS_RENAMEAT2, from.folder, cPath(from.name), to.folder, cPath(to.name), flags));
}

/** Links what an O_PATH descriptor stands for. */
export function linkTo(fd: number, to: Place): number {
  return outcome(linkatCall(-100, cPath(`/proc/self/fd/${fd}`), to.folder, cPath(to.name), AT_SYMLINK_FOLLOW));
}

export function symlinkAt(text: string, at: Place): number {
  return outcome(symlinkatCall(cPath(text), at.folder, cPath(at.name)));
}

export function truncateFile(fd: number, length: bigint): number {
  return outcome(ftruncateCall(fd, length));
}

/** Whether what a descriptor stands for could be opened for writing, by its mode and where it lies. */
export function mayWrite(fd: number): boolean {
  try {
    accessSync(`/proc/self/fd/${fd}`, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Sets the mode of what an O_PATH descriptor stands for. */
export function setMode(fd: number, mode: number): number {
  return outcome(chmodCall(cPath(`/proc/self/fd/${fd}`), mode));
}

/** Has two paths of this process's own change places. Throws `system-call`. */
export function exchangeNames(one: string, other: string): void {
  const exchange = 2;
  const result = renameat2(SYS_RENAMEAT2, -100, cPath(one), -100, cPath(other), exchange);
  checkCall(`exchange "${one}" and "${other}"`, result);
}

/** Sets when a file of this process's own was changed, in nanoseconds since 1970 UTC, following no link. Throws `system-call`. */
export function setTimes(path: string, mtime: bigint): void {
  const noFollow = 0x100;
  const times = timesOf({ atime: mtime, mtime });
  checkCall(`set the time of "${path}"`, utimensatCall(-100, cPath(path), times, noFollow));
}

/** Sets when an open file was read and changed, in nanoseconds since 1970 UTC. */
export function setOpenTimes(fd: number, times: { readonly atime: bigint; readonly mtime: bigint }): number {
  return outcome(futimensCall(fd, timesOf(times)));
}

function timesOf({ atime, mtime }: { readonly atime: bigint; readonly mtime: bigint }): Buffer {
  const second = 1_000_000_000n;
  const times = Buffer.alloc(32); // struct timespec[2]: access and change
  for (const [at, time] of [atime, mtime].entries()) {
    const nanoseconds = ((time % second) + second) % second; // before 1970, too
    times.writeBigInt64LE((time - nanoseconds) / second, 16 * at);
    times.writeBigInt64LE(nanoseconds, 16 * at + 8);
  }
  return times;
}
