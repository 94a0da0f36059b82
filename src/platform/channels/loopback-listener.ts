import { closeSync } from "node:fs";
import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";

// asm-generic/socket.h, linux/socket.h, linux/net.h
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2_000_000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOCK_NONBLOCK = 0o4000;
const BACKLOG = 128;
const AF_INET6 = 10;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const ADDRESS_BYTES = 16;
const ADDRESS6_BYTES = 28;
const INT_BYTES = 4;

const socket = bindFunction<[number, number, number]>("int socket(int, int, int)");
const setsockopt = bindFunction<[number, number, number, Buffer, number]>(
  "int setsockopt(int, int, int, void *, unsigned int)",
);
const bind = bindFunction<[number, Buffer, number]>("int bind(int, void *, unsigned int)");
const listen = bindFunction<[number, number]>("int listen(int, int)");

/** Listens on 127.0.0.1 of this process's own network namespace; the descriptor is closed on execve. Throws `system-call`. */
export function listenOnLoopback(port: number): number {
  const fd = checkCall("make a socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const address = Buffer.alloc(ADDRESS_BYTES); // struct sockaddr_in
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.set([127, 0, 0, 1], 4);
  return listenAt(fd, { port, address }) ?? checkCall(`bind port ${port}`, -1);
}

/** The same on ::1, where browsers look first for names below localhost; null where this machine has no such address. */
export function listenOnLoopback6(port: number): number | null {
  const fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 && lastErrno() === errnoOf("EAFNOSUPPORT")) return null;
  const yes = Buffer.alloc(INT_BYTES);
  yes.writeInt32LE(1);
  checkCall("set up a socket", setsockopt(checkCall("make a socket", fd), IPPROTO_IPV6, IPV6_V6ONLY, yes, yes.length));
  const address = Buffer.alloc(ADDRESS6_BYTES); // struct sockaddr_in6
  address.writeUInt16LE(AF_INET6, 0);
  address.writeUInt16BE(port, 2);
  address[23] = 1; // ::1
  return listenAt(fd, { port, address });
}

/** Null when the machine has no such address: IPv6 is switched off for the interface. */
function listenAt(fd: number, { port, address }: { readonly port: number; readonly address: Buffer }): number | null {
  const yes = Buffer.alloc(INT_BYTES);
  yes.writeInt32LE(1);
  try {
    checkCall("set up a socket", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, yes, yes.length));
    const bound = bind(fd, address, address.length);
    if (bound < 0 && lastErrno() === errnoOf("EADDRNOTAVAIL")) {
      closeSync(fd);
      return null;
    }
    checkCall(`bind port ${port}`, bound);
    checkCall("listen", listen(fd, BACKLOG));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/**
 * Makes unconnected TCP sockets of this process's own network namespace, which they belong to for ever: whoever holds one
 * can reach what is in it, and nothing else. They do not block and are closed on execve. Throws `system-call`.
 */
export function makeLoopbackSockets(count: number): readonly number[] {
  return Array.from({ length: count }, () =>
    checkCall("make a socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
  );
}
