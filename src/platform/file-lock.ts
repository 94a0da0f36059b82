import { bindFunction, errnoOf, lastErrno, checkCall } from "./libc.ts";

// flock(2)
const LOCK_EX = 2;
const LOCK_NB = 4;

const flock = bindFunction<[descriptor: number, operation: number]>("int flock(int, int)");

/**
 * Takes an exclusive lock on an open file, without waiting; false when another open file has it. The kernel lets go of it
 * when the descriptor is closed, by the end of the process too: a lock is never left over.
 * Throws PlatformError `system-call`.
 */
export function lockFile(descriptor: number): boolean {
  const result = flock(descriptor, LOCK_EX | LOCK_NB);
  if (result < 0 && lastErrno() === errnoOf("EAGAIN")) return false;
  checkCall("lock a file", result);
  return true;
}
