import koffi from "koffi";
import { PlatformError } from "./platform-error.ts";

// The C library that Node itself is linked against: no name to search for, so nothing on a library path can stand in.
const library = koffi.load(null);

/** A C function that may fail: its result and the `errno` that it left, read before anything else runs. */
export type CFunction<Arguments extends readonly unknown[]> = (...values: Arguments) => number;

/**
 * Looks up one C function by its prototype, for example `int prctl(int, long, long, long, long)`.
 * The type argument must say the same as the prototype: numbers, strings, `Buffer` for `void *`.
 * Throws when the library has no such function.
 */
export function bindFunction<Arguments extends readonly unknown[]>(prototype: string): CFunction<Arguments> {
  // koffi types every function as `any`; the prototype beside the type argument is the only truth there is.
  return library.func(prototype) as CFunction<Arguments>;
}

/** Error number of the last C call, which must have been made in this same turn. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Number of a named error on this machine, for example `EAGAIN`. Throws for a name that it does not know. */
export function errnoOf(name: string): number {
  const value = koffi.os.errno[name];
  if (value === undefined) throw new PlatformError("system-call", `Cannot find error number ${name}`);
  return value;
}

/** Name of an error number, for example `EPERM`, or `errno 1` when it has none. */
export function nameErrno(value: number): string {
  for (const [name, number] of Object.entries(koffi.os.errno)) if (number === value) return name;
  return `errno ${value}`;
}

/**
 * Gives back what a C call returned, or throws `system-call` when that is negative.
 * `what` completes "Cannot …": `mount the code read-only`.
 */
export function checkCall(what: string, result: number): number {
  if (result >= 0) return result;
  throw new PlatformError("system-call", `Cannot ${what}: ${nameErrno(lastErrno())}`);
}

/** Address of a buffer as the 8 bytes that a C struct holds. The buffer must outlive the call that uses it. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}
