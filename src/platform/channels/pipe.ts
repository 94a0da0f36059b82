import { bindFunction, checkCall } from "../libc.ts";

const O_CLOEXEC = 0o2_000_000;

const pipe2 = bindFunction<[Buffer, number]>("int pipe2(void *, int)");

/** A fresh pipe, closed on execve: what is written to the second descriptor is read from the first. The caller closes both. */
export function makePipe(): readonly [number, number] {
  const pair = Buffer.alloc(8);
  checkCall("make a pipe", pipe2(pair, O_CLOEXEC));
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}
