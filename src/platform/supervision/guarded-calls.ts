import { closeSync, lstatSync, openSync, readlinkSync, readSync } from "node:fs";
import type { StorageOrder, StorageTarget } from "../../sandbox/storage-wire.ts";
import { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_TRUNC } from "../files/file-calls.ts";
import { readForeignPath } from "./foreign-memory.ts";
import { errnoOf } from "../libc.ts";
import type { PendingCall } from "./seccomp-notice.ts";

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_SYMLINK_FOLLOW = 0x400;
const AT_REMOVEDIR = 0x200;
const O_WRONLY = 1;

/** What a guarded call asks of the storage device, with the descriptor that goes along; or the error that it gets at once. */
export type Question =
  | { readonly order: StorageOrder; readonly fd: number | null }
  | { readonly errno: number }
  /** A device that everybody may write to, and which is behind the wall like all that is not guarded. */
  | "continue";

/** Files that are opened all the time and are nobody's. A link in their place would lead to the wall. */
const HARMLESS = new Set(["/dev/null", "/dev/zero", "/dev/tty", "/dev/ptmx", "/dev/urandom", "/dev/random"]);

/** Ways in which a program names an open descriptor of its own: links of /proc that are no paths. */
const OWN_DESCRIPTOR = /^\/(?:proc\/(?:thread-)?self\/fd|dev\/fd)\/(0|[1-9][0-9]{0,8})$/;
const STREAMS: { readonly [path: string]: number } = { "/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2 };

class CallError extends Error {
  readonly errno: number;
  constructor(name: string) {
    super(name);
    this.errno = errnoOf(name);
  }
}

/**
 * Reads a guarded call: memory and links of /proc, which belong to the caller only if the call is still pending afterwards;
 * whoever gets the descriptor closes it. `roots` are the guarded ones. Everything is read once: what the memory holds later is of no matter.
 */
export function readGuardedCall(call: PendingCall, name: string, roots: readonly string[]): Question {
  const held: number[] = [];
  try {
    const order = orderOf({ pid: call.pid, held }, name, call.arguments);
    if (order === "continue" || isPlainlyOutside(call.pid, order, roots)) return "continue";
    return { order, fd: held[0] ?? null };
  } catch (error) {
    for (const fd of held) closeSync(fd);
    if (error instanceof CallError) return { errno: error.errno };
    throw error;
  }
}

/**
 * Whether every path of a call is outside of the guarded roots as it is written, and no link is in it. It spares the device
 * what has nothing to do with it; where it is mistaken, or becomes so a moment later, the wall stands. Modes have no wall.
 */
function isPlainlyOutside(pid: number, order: StorageOrder, roots: readonly string[]): boolean {
  const paths = pathsOf(order);
  return paths.length > 0 && paths.every((path) => isOutside(path, roots) && isWithoutLinks(pid, path));
}

function pathsOf(order: StorageOrder): readonly string[] {
  switch (order.order) {
    case "open":
    case "truncate":
      return order.target.at === "path" ? [order.target.path] : [];
    case "make-folder":
    case "remove":
    case "symlink":
      return [order.path];
    case "rename":
      return [order.from, order.to];
    case "link":
    case "mode":
    case "root":
      return [];
  }
}

function isOutside(path: string, roots: readonly string[]): boolean {
  return roots.every((root) => path !== root && !path.startsWith(`${root}/`));
}

function isWithoutLinks(pid: number, path: string): boolean {
  const cut = path.lastIndexOf("/");
  const [folder, name] = [path.slice(0, cut), path.slice(cut + 1)];
  if (folder === "" || name === "" || name === "." || name === "..") return false;
  try {
    const root = `/proc/${pid}/root`;
    const fd = openSync(Buffer.from(`${root}${folder}`, "latin1"), O_PATH | O_DIRECTORY);
    try {
      // A link, a dot or a doubled slash in it, and the kernel's path is another.
      if (readlinkSync(`/proc/self/fd/${fd}`, "latin1") !== folder) return false;
    } finally {
      closeSync(fd);
    }
    const found = lstatSync(Buffer.from(`${root}${path}`, "latin1"), { throwIfNoEntry: false });
    return found === undefined || !found.isSymbolicLink();
  } catch {
    return false;
  }
}

/** The caller, and the descriptors that were opened to stand for what it names. */
interface Caller {
  readonly pid: number;
  readonly held: number[];
}

const HERE = BigInt(AT_FDCWD);

function orderOf(
  caller: Caller,
  name: string,
  [one, two, three, four, five]: PendingCall["arguments"],
): StorageOrder | "continue" {
  const path = (folder: bigint, address: bigint): string => readPath(caller, folder, address);
  const made = (mode: bigint): number => toInt(mode) & 0o7777 & ~umaskOf(caller.pid);
  switch (name) {
    case "open":
      return openOrder(caller, { folder: HERE, path: one, flags: toInt(two), mode: three });
    case "openat":
      return openOrder(caller, { folder: one, path: two, flags: toInt(three), mode: four });
    case "creat":
      return openOrder(caller, { folder: HERE, path: one, flags: O_CREAT | O_WRONLY | O_TRUNC, mode: two });
    case "mkdir":
      return { order: "make-folder", path: path(HERE, one), mode: made(two) };
    case "mkdirat":
      return { order: "make-folder", path: path(one, two), mode: made(three) };
    case "unlink":
      return { order: "remove", path: path(HERE, one), folder: false };
    case "rmdir":
      return { order: "remove", path: path(HERE, one), folder: true };
    case "unlinkat":
      return { order: "remove", path: path(one, two), folder: (toInt(three) & AT_REMOVEDIR) !== 0 };
    case "rename":
      return { order: "rename", from: path(HERE, one), to: path(HERE, two), flags: 0 };
    case "renameat":
    case "renameat2":
      return {
        order: "rename",
        from: path(one, two),
        to: path(three, four),
        flags: name === "renameat" ? 0 : toInt(five) >>> 0,
      };
    case "link":
      return {
        order: "link",
        from: targetOf(caller, { folder: HERE, path: one, flags: AT_SYMLINK_NOFOLLOW }),
        to: path(HERE, two),
      };
    case "linkat": {
      const flags = toInt(five);
      const follow = (flags & AT_SYMLINK_FOLLOW) === 0 ? AT_SYMLINK_NOFOLLOW : 0;
      const from = targetOf(caller, { folder: one, path: two, flags: (flags & AT_EMPTY_PATH) | follow });
      return { order: "link", from, to: path(three, four) };
    }
    case "symlink":
      return { order: "symlink", text: rawPath(caller.pid, one), path: path(HERE, two) };
    case "symlinkat":
      return { order: "symlink", text: rawPath(caller.pid, one), path: path(two, three) };
    case "truncate":
      return {
        order: "truncate",
        target: targetOf(caller, { folder: HERE, path: one, flags: 0 }),
        length: String(BigInt.asIntN(64, two)),
      };
    case "chmod":
      return {
        order: "mode",
        target: targetOf(caller, { folder: HERE, path: one, flags: 0 }),
        mode: toInt(two) & 0o7777,
      };
    case "fchmod":
      return { order: "mode", target: hold(caller, toInt(one)), mode: toInt(two) & 0o7777 };
    case "fchmodat":
      return {
        order: "mode",
        target: targetOf(caller, { folder: one, path: two, flags: 0 }),
        mode: toInt(three) & 0o7777,
      };
    case "fchmodat2":
      return {
        order: "mode",
        target: targetOf(caller, { folder: one, path: two, flags: toInt(four) }),
        mode: toInt(three) & 0o7777,
      };
    default:
      throw new CallError("EPERM"); // ERRORS-DENY
  }
}

function openOrder(
  caller: Caller,
  open: { readonly folder: bigint; readonly path: bigint; readonly flags: number; readonly mode: bigint },
): StorageOrder | "continue" {
  const { flags } = open;
  const exclusive = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
  if ((flags & O_PATH) !== 0) return "continue";
  const follow = (flags & O_NOFOLLOW) === 0 && !exclusive ? 0 : AT_SYMLINK_NOFOLLOW;
  const target = targetOf(caller, { folder: open.folder, path: open.path, flags: follow });
  if (target.at === "path" && HARMLESS.has(target.path)) return "continue";
  const mode = (flags & O_CREAT) === 0 ? 0 : toInt(open.mode) & 0o7777 & ~umaskOf(caller.pid);
  return { order: "open", target, flags: flags >>> 0, mode };
}

/** What a call is about. An open descriptor that is named by its link in /proc is taken from there, with all that it is. */
function targetOf(
  caller: Caller,
  at: { readonly folder: bigint; readonly path: bigint; readonly flags: number },
): StorageTarget {
  if ((at.flags & AT_EMPTY_PATH) !== 0 && rawPath(caller.pid, at.path) === "") return hold(caller, toInt(at.folder));
  const path = readPath(caller, at.folder, at.path);
  const descriptor = OWN_DESCRIPTOR.exec(path)?.[1] ?? STREAMS[path];
  const follow = (at.flags & AT_SYMLINK_NOFOLLOW) === 0;
  if (descriptor !== undefined && follow) return hold(caller, Number(descriptor));
  return { at: "path", path, follow };
}

/** Opens what a descriptor of the caller stands for, without opening it. */
function hold({ pid, held }: Caller, descriptor: number): StorageTarget {
  if (descriptor === AT_FDCWD) return { at: "path", path: linkOf(`/proc/${pid}/cwd`), follow: true };
  try {
    held.push(openSync(`/proc/${pid}/fd/${descriptor}`, O_PATH));
  } catch (error) {
    throw new CallError(isMissing(error) ? "EBADF" : "EACCES");
  }
  return { at: "descriptor" };
}

/** A path of the caller's made absolute. It was read once; what it leads to is found out by who acts on it. */
function readPath({ pid }: Caller, folder: bigint, address: bigint): string {
  const path = rawPath(pid, address);
  if (path === "") throw new CallError("ENOENT");
  if (path.startsWith("/")) return path;
  const descriptor = toInt(folder);
  const base = linkOf(descriptor === AT_FDCWD ? `/proc/${pid}/cwd` : `/proc/${pid}/fd/${descriptor}`);
  if (!base.startsWith("/")) throw new CallError("ENOTDIR");
  return base === "/" ? `/${path}` : `${base}/${path}`;
}

function rawPath(pid: number, address: bigint): string {
  const read = readForeignPath(pid, address);
  if (read === "fault") throw new CallError("EFAULT");
  if (read === "long") throw new CallError("ENAMETOOLONG");
  return read.path;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path, "latin1");
  } catch (error) {
    throw new CallError(isMissing(error) ? "EBADF" : "EACCES");
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** An `int` argument: the kernel does not look at the high half. */
function toInt(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

const page = Buffer.alloc(256);

/** The caller's umask: what /proc says of it comes right after its name. */
function umaskOf(pid: number): number {
  try {
    const fd = openSync(`/proc/${pid}/status`, "r");
    try {
      const found = /^Umask:\t([0-7]{1,4})$/m.exec(page.toString("latin1", 0, readSync(fd, page)))?.[1];
      if (found !== undefined) return Number.parseInt(found, 8);
    } finally {
      closeSync(fd);
    }
  } catch {
    // gone
  }
  throw new CallError("EACCES");
}
