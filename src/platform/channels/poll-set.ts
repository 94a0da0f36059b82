import { bindFunction, checkCall, errnoOf, lastErrno } from "../libc.ts";

const POLLIN = 1;
const POLLOUT = 4;
const ENTRY_BYTES = 8;

const poll = bindFunction<[Buffer, number, number]>("int poll(void *, unsigned long, int)");

/** One descriptor that is waited for, and what for. */
export interface PollEntry {
  readonly fd: number;
  readonly input: boolean;
  readonly output: boolean;
}

/** What poll found on a descriptor. `over`: an error, or the other side is gone. */
export interface Polled {
  readonly input: boolean;
  readonly output: boolean;
  readonly over: boolean;
}

/** Kept from call to call: it is filled anew each time. */
let buffer = Buffer.alloc(16 * ENTRY_BYTES);

/**
 * Waits, the whole thread, until one of the descriptors is ready or `ms` have passed (-1: for ever), and says what each
 * is ready for, in order (poll(2)). Throws `system-call`.
 */
export function pollAll(entries: readonly PollEntry[], ms: number): readonly Polled[] {
  if (buffer.length < entries.length * ENTRY_BYTES) buffer = Buffer.alloc(2 * entries.length * ENTRY_BYTES);
  for (const [place, { fd, input, output }] of entries.entries()) {
    buffer.writeInt32LE(fd, place * ENTRY_BYTES);
    buffer.writeInt32LE((input ? POLLIN : 0) | (output ? POLLOUT : 0), place * ENTRY_BYTES + 4);
  }
  const result = poll(buffer, entries.length, Math.ceil(ms));
  if (!(result < 0 && lastErrno() === errnoOf("EINTR"))) checkCall("wait for descriptors", result);
  return entries.map((_, place) => {
    const found = buffer.readInt16LE(place * ENTRY_BYTES + 6);
    return {
      input: (found & POLLIN) !== 0,
      output: (found & POLLOUT) !== 0,
      over: (found & ~(POLLIN | POLLOUT)) !== 0,
    };
  });
}
