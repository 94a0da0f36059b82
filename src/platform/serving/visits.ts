import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";
import { PlatformError } from "../platform-error.ts";

// linux/in.h, asm-generic/fcntl.h
const AF_INET = 2;
const AF_UNSPEC = 0;
const F_DUPFD_CLOEXEC = 1030;
const ADDRESS_BYTES = 16;
const LOOK_MS = 2;
/** How long a program inside may leave a visitor waiting for the connection. */
const CONNECT_MS = 5000;

const connect = bindFunction<[number, Buffer, number]>("int connect(int, void *, unsigned int)");
const fcntl = bindFunction<[number, number, number]>("int fcntl(int, int, int)");

/** Ways into one network namespace. */
export interface Visits {
  /**
   * Connects to a port of 127.0.0.1 inside; the socket gives its way back when it closes. Rejects with code `busy` when
   * every way is taken and `unreachable` when nobody listens or answers.
   */
  open(port: number): Promise<Socket>;
}

/** Why a visit did not come about. */
export class NoVisit extends Error {
  readonly code: "busy" | "unreachable";
  constructor(code: "busy" | "unreachable") {
    super(`Cannot visit: ${code}`);
    this.code = code;
  }
}

/**
 * Makes connections of sockets that belong to another network namespace and do not block (loopback-listener.ts), which
 * this process holds and could not make: a socket stays in the namespace where it was made. Each is used again and again,
 * since connecting to no address takes it back to where it began (connect(2), AF_UNSPEC).
 */
export function createVisits(fds: readonly number[]): Visits {
  const free = [...fds];

  function giveBack(fd: number): void {
    const none = addressOf(AF_UNSPEC, 0);
    if (connect(fd, none, none.length) === 0) free.push(fd);
    else closeSync(fd);
  }

  return Object.freeze({
    async open(port: number) {
      const fd = free.pop();
      if (fd === undefined) throw new NoVisit("busy");
      try {
        const socket = await reach(fd, port);
        socket.once("close", () => giveBack(fd));
        return socket;
      } catch (error) {
        giveBack(fd);
        throw error instanceof NoVisit || error instanceof PlatformError ? error : new NoVisit("unreachable");
      }
    },
  });
}

/** Connects, looking every so often whether it is done: the socket does not block. */
async function reach(fd: number, port: number): Promise<Socket> {
  const address = addressOf(AF_INET, port);
  const states = { done: errnoOf("EISCONN"), going: [errnoOf("EINPROGRESS"), errnoOf("EALREADY")] };
  for (let waited = 0; ; waited += LOOK_MS) {
    const result = connect(fd, address, address.length);
    const errno = result === 0 ? 0 : lastErrno();
    if (result === 0 || errno === states.done) break;
    if (!states.going.includes(errno) || waited >= CONNECT_MS) throw new NoVisit("unreachable");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  // Node closes what it is given; the way itself stays.
  return new Socket({
    fd: checkCall("copy a socket", fcntl(fd, F_DUPFD_CLOEXEC, 0)),
    readable: true,
    writable: true,
  });
}

/** struct sockaddr_in of 127.0.0.1. */
function addressOf(family: number, port: number): Buffer {
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(family, 0);
  address.writeUInt16BE(port, 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}
