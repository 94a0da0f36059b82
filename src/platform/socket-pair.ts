import { closeSync } from "node:fs";
import { bindFunction, checkCall } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2_000_000;

const socketpair = bindFunction<[number, number, number, Buffer]>("int socketpair(int, int, int, void *)");

/** One end of a socketpair that a sandbox is to inherit; this process only hands it on. */
export interface SocketEnd {
  readonly fd: number;
  /** Closes this process's copy. Closing twice is no fault. */
  close(): void;
}

/** Two connected stream sockets (socketpair(2)) for two sandboxes to speak through without this process. Throws `system-call`. */
export function makeSocketPair(): readonly [SocketEnd, SocketEnd] {
  const pair = Buffer.alloc(8);
  checkCall("make a socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  return [endOf(pair.readInt32LE(0)), endOf(pair.readInt32LE(4))];
}

function endOf(fd: number): SocketEnd {
  let open = true;
  return Object.freeze({
    fd,
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  });
}
