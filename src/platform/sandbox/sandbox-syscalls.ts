import { writeSync } from "node:fs";
import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";

const MFD_CLOEXEC = 1;
const O_PATH = 0x20_0000;
const O_CLOEXEC = 0x8_0000;
const AT_FDCWD = -100;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const POLLIN = 1;
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const FIRST_AFTER_STREAMS = 3;
/** Longer than any link of /proc/PID/ns. */
const LINK_BYTES = 64;
const LAST_DESCRIPTOR = 0xffff_ffff;
const CLOSE_RANGE_CLOEXEC = 4;

// Numbers from 424 on are the same on every architecture.
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const SYS_CLOSE_RANGE = 436;
const SYS_OPENAT2 = 437;
const SYS_LANDLOCK_CREATE_RULESET = 444;

const memfdCreate = bindFunction<[string, number]>("int memfd_create(const char *name, unsigned int flags)");
const poll = bindFunction<[Buffer, number, number]>("int poll(void *fds, unsigned long count, int timeout)");
const prlimit = bindFunction<[number, number, Buffer | null, Buffer | null]>(
  "int prlimit(int pid, int resource, const void *wanted, void *previous)",
);
const readlink = bindFunction<[string, Buffer, number]>("long readlink(const char *path, void *target, size_t size)");
const callOpenat2 = bindFunction<[number, number, string, Buffer, number]>(
  "long syscall(long number, long folder, const char *path, void *how, long size)",
);
const callNumbers = bindFunction<[number, number, number, number, number]>(
  "long syscall(long number, long one, long two, long three, long four)",
);

/**
 * An anonymous file in memory that holds these bytes, read from the start. Closed on exec unless handed on by number;
 * the caller closes it. Throws PlatformError.
 */
export function openMemoryFile(name: string, bytes: Uint8Array): number {
  const fd = checkCall(`make a memory file for ${name}`, memfdCreate(name, MFD_CLOEXEC));
  // Positional writes leave the offset at the start, which is where the reader begins.
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, done);
  return fd;
}

/**
 * Opens a host path for mounting (O_PATH), following no symbolic link anywhere in it, so that what was named is what is
 * mounted even when someone exchanges a folder for a link meanwhile. The caller closes it. Throws PlatformError.
 */
export function openMountSource(path: string): number {
  const how = Buffer.alloc(24); // struct open_how { flags, mode, resolve }
  how.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS), 16);
  return checkCall(`open "${path}"`, callOpenat2(SYS_OPENAT2, AT_FDCWD, path, how, how.length));
}

/**
 * Marks every descriptor above standard error to be closed in started programs. Node does so for what it opens itself,
 * but not for what it was born with: a descriptor that a shell or service left open would reach into every sandbox.
 * Throws PlatformError (Linux 5.11 or newer is needed).
 */
export function closeOnExec(): void {
  const result = callNumbers(SYS_CLOSE_RANGE, FIRST_AFTER_STREAMS, LAST_DESCRIPTOR, CLOSE_RANGE_CLOEXEC, 0);
  checkCall("mark inherited descriptors", result);
}

/** A descriptor of the process that has this id now; it never comes to mean another one. Null when there is none. */
export function openProcess(pid: number): number | null {
  const fd = callNumbers(SYS_PIDFD_OPEN, pid, 0, 0, 0);
  if (fd < 0 && lastErrno() === errnoOf("ESRCH")) return null;
  return checkCall(`open process ${pid}`, fd);
}

/** Sends a signal by descriptor; false when the process is gone. Throws PlatformError when it is refused. */
export function signalProcess(fd: number, signal: number): boolean {
  const result = callNumbers(SYS_PIDFD_SEND_SIGNAL, fd, signal, 0, 0);
  if (result < 0 && lastErrno() === errnoOf("ESRCH")) return false;
  checkCall(`send signal ${signal}`, result);
  return true;
}

/** Whether the process of this descriptor has ended. The first process of a namespace ends after all others. */
export function hasEnded(fd: number): boolean {
  const entry = Buffer.alloc(8); // struct pollfd { int fd; short events; short revents }
  entry.writeInt32LE(fd, 0);
  entry.writeInt16LE(POLLIN, 4);
  let ready = poll(entry, 1, 0);
  // A signal interrupts even a poll that does not wait, and says nothing of the process.
  while (ready < 0 && lastErrno() === errnoOf("EINTR")) ready = poll(entry, 1, 0);
  return checkCall("ask whether a process ended", ready) > 0;
}

/**
 * Lowers soft and hard limit of a resource (`linux/resource.h` number) of another process of the same user. A hard limit
 * that is lower already stays. Throws PlatformError.
 */
export function limitProcess(pid: number, resource: number, value: number): void {
  const limit = Buffer.alloc(16); // struct rlimit { soft, hard }
  checkCall(`read limit ${resource} of process ${pid}`, prlimit(pid, resource, null, limit));
  const hard = limit.readBigUInt64LE(8);
  const lowest = BigInt(value) < hard ? BigInt(value) : hard;
  limit.writeBigUInt64LE(lowest, 0);
  limit.writeBigUInt64LE(lowest, 8);
  checkCall(`set limit ${resource} of process ${pid}`, prlimit(pid, resource, limit, null));
}

/**
 * Where a link of at most 63 bytes points, or null when there is none or this user may not read it. Node makes an error
 * object of each of those, which costs more than the look.
 */
export function readLink(path: string): string | null {
  const target = Buffer.alloc(LINK_BYTES);
  const length = readlink(path, target, target.length);
  return length < 0 ? null : target.toString("utf8", 0, length);
}

/** Version of Landlock that the kernel has, 0 when it has none or it is switched off. */
export function landlockVersion(): number {
  return Math.max(0, callNumbers(SYS_LANDLOCK_CREATE_RULESET, 0, 0, LANDLOCK_CREATE_RULESET_VERSION, 0));
}
