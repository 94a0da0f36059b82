import type { Socket } from "node:net";
import { bindFunction, checkCall } from "../libc.ts";
import { PlatformError } from "../platform-error.ts";

/** Who was at the other end when the connection was made. Says nothing about who holds the descriptor now. */
export interface Peer {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

const getsockopt = bindFunction<[number, number, number, Buffer, Buffer]>(
  "int getsockopt(int, int, int, void *, void *)",
);

/**
 * Reads the credentials of a unix socket's peer (unix(7), SO_PEERCRED), set by the kernel at connect.
 * A sandboxed process has the same ones as its user, so they tell users apart and nothing finer.
 */
export function readPeer(socket: Socket): Peer {
  const credentials = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeInt32LE(credentials.length);
  checkCall(
    "read the peer of a socket",
    getsockopt(descriptorOf(socket), SOL_SOCKET, SO_PEERCRED, credentials, length),
  );
  return Object.freeze({
    pid: credentials.readInt32LE(0),
    uid: credentials.readUInt32LE(4),
    gid: credentials.readUInt32LE(8),
  });
}

/**
 * Descriptor of a socket's handle. Node has no public name for it; `_handle.fd` has been there since version 0.10.
 * Throws `system-call` for a socket that has none, a closed one.
 */
export function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : null;
  if (typeof fd !== "number" || fd < 0) {
    throw new PlatformError("system-call", "Cannot find the descriptor of a socket: it is closed");
  }
  return fd;
}
