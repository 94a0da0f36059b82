import { bindFunction, errnoOf, lastErrno } from "../libc.ts";

// asm-generic/socket.h, asm-generic/fcntl.h
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_DOMAIN = 39;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
// From 424 on the numbers are the same everywhere.
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;

const getsockopt = bindFunction<[number, number, number, Buffer, Buffer]>(
  "int getsockopt(int, int, int, void *, void *)",
);
const connect = bindFunction<[number, Buffer, number]>("int connect(int, const void *, unsigned int)");
const fcntl = bindFunction<[number, number, number]>("int fcntl(int, int, long)");
const callNumbers = bindFunction<[number, number, number, number]>("long syscall(long, long, long, long)");

/** A call's result, or the number of its error as a negative one. */
function outcome(result: number): number {
  return result < 0 ? -lastErrno() : result;
}

/** A descriptor of the process with this id, or the number of an error as a negative one (pidfd_open(2)). */
export function openPid(pid: number): number {
  return outcome(callNumbers(SYS_PIDFD_OPEN, pid, 0, 0));
}

/** A copy of another process's descriptor, for the same open file; or the number of an error as a negative one (pidfd_getfd(2)). */
export function copyDescriptor(process: number, descriptor: number): number {
  return outcome(callNumbers(SYS_PIDFD_GETFD, process, descriptor, 0));
}

const value = Buffer.alloc(4);
const size = Buffer.alloc(4);

/** An option of a socket, or the number of an error as a negative one. */
export function readOption(fd: number, option: number): number {
  size.writeInt32LE(value.length);
  const result = outcome(getsockopt(fd, SOL_SOCKET, option, value, size));
  return result < 0 ? result : value.readInt32LE(0);
}

/** Family of a socket, or the number of an error as a negative one: ENOTSOCK for what is none. */
export function familyOf(fd: number): number {
  return readOption(fd, SO_DOMAIN);
}

/** Why a connection that was begun has failed, as a positive number; 0 when it stands. */
export function connectionError(fd: number): number {
  const error = readOption(fd, SO_ERROR);
  return error < 0 ? -error : error;
}

/** How an attempt to connect ended, as a positive error number or 0, and whether the socket's owner would have waited. */
export interface Attempt {
  readonly errno: number;
  readonly waits: boolean;
}

/** Connects a socket without waiting, whatever it is set to; what it is set to stays as it was. */
export function tryConnect(fd: number, address: Buffer): Attempt {
  const flags = fcntl(fd, F_GETFL, 0);
  if (flags < 0) return { errno: lastErrno(), waits: false };
  const waits = (flags & O_NONBLOCK) === 0;
  if (waits) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  const result = connect(fd, address, address.length);
  const errno = result < 0 ? lastErrno() : 0;
  if (waits) fcntl(fd, F_SETFL, flags);
  return { errno, waits };
}

export const EAGAIN: number = errnoOf("EAGAIN");
export const EINPROGRESS: number = errnoOf("EINPROGRESS");
export const EALREADY: number = errnoOf("EALREADY");
