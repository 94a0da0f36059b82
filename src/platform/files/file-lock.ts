import { bindFunction, errnoOf, lastErrno, checkCall } from "../libc.ts";

// flock(2)
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

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

/**
 * Runs an action while this open file has the exclusive lock, and waits for it first, the whole thread. Throws PlatformError
 * `system-call`, and what the action throws.
 */
export function inTurn<T>(descriptor: number, action: () => T): T {
  let taken = flock(descriptor, LOCK_EX);
  while (taken < 0 && lastErrno() === errnoOf("EINTR")) taken = flock(descriptor, LOCK_EX);
  checkCall("wait for a lock", taken);
  try {
    return action();
  } finally {
    checkCall("let go of a lock", flock(descriptor, LOCK_UN));
  }
}
