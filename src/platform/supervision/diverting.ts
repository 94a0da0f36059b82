import type { AskedConnection } from "../../sandbox/evidence.ts";
import { readOption } from "./connect-calls.ts";
import { bindFunction } from "../libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const INET_BYTES = 16;
const INET6_BYTES = 28;
/** asm-generic/socket.h, linux/net.h */
const SO_TYPE = 3;
const SOCK_STREAM = 1;
/** ::ffff:0:0/96, by which a socket of the new protocol speaks the old one (RFC 4291 section 2.5.5.2). */
const MAPPED = Buffer.from("00000000000000000000ffff", "hex");

const getsockname = bindFunction<[number, Buffer, Buffer]>("int getsockname(int, void *, void *)");

/** Leads connections of one sandbox to a listener in it, and says where they were meant to go. */
export interface Diversion {
  /** The address to use in the place of this one; the same when it is the sandbox's own loopback or no stream's. */
  lead(fd: number, given: Buffer): Buffer;
  /** Tells of a connection that was tried. */
  tell(pid: number, fd: number, given: Buffer): void;
}

/** @param port of 127.0.0.1 in the network namespace of the sandbox, where somebody listens. */
export function divertTo(port: number, hear: (pid: number, asked: AskedConnection) => void): Diversion {
  return {
    lead(fd, given) {
      return addressIn(given) === null || !isStream(fd) ? given : loopback(given.readUInt16LE(0), port);
    },
    tell(pid, fd, given) {
      const address = addressIn(given);
      if (address === null) return;
      const kind = isStream(fd) ? "stream" : "datagram";
      hear(pid, { kind, address, port: given.readUInt16BE(2), from: ownPort(fd) });
    },
  };
}

function isStream(fd: number): boolean {
  return readOption(fd, SO_TYPE) === SOCK_STREAM;
}

/** An address of the internet in figures; null for every other, and for loopback. */
function addressIn(given: Buffer): string | null {
  if (given.length < INET_BYTES) return null;
  const family = given.readUInt16LE(0);
  if (family === AF_INET) return inFour(given.subarray(4, 8));
  if (family !== AF_INET6 || given.length < INET6_BYTES - 4) return null;
  const bytes = given.subarray(8, 24);
  if (bytes.subarray(0, 12).equals(MAPPED)) return inFour(bytes.subarray(12));
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2));
  const isOwn = groups.slice(0, 7).every((group) => group === 0) && (groups[7] ?? 0) <= 1;
  return isOwn ? null : groups.map((group) => group.toString(16)).join(":");
}

function inFour(bytes: Buffer): string | null {
  const first = bytes[0] ?? 0;
  return first === 127 || bytes.readUInt32BE(0) === 0 ? null : bytes.join(".");
}

function loopback(family: number, port: number): Buffer {
  const address = Buffer.alloc(family === AF_INET6 ? INET6_BYTES : INET_BYTES);
  address.writeUInt16LE(family, 0);
  address.writeUInt16BE(port, 2);
  if (family === AF_INET6) MAPPED.copy(address, 8);
  address.set([127, 0, 0, 1], family === AF_INET6 ? 20 : 4);
  return address;
}

function ownPort(fd: number): number {
  const address = Buffer.alloc(128);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(address.length, 0);
  return getsockname(fd, address, size) < 0 ? 0 : address.readUInt16BE(2);
}
