import { bindFunction, checkCall } from "../libc.ts";

// linux/socket.h, linux/net.h
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2_000_000;

const socketpair = bindFunction<[number, number, number, Buffer]>("int socketpair(int, int, int, void *)");

/** Two connected unix sockets, blocking and closed on execve. The caller closes both. Throws `system-call`. */
export function makeSocketPair(): readonly [number, number] {
  const pair = Buffer.alloc(8);
  checkCall("make a pair of sockets", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}
