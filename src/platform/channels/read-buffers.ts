/**
 * Memory that a socket is read into again and again. Node takes fresh memory for every read, which the kernel has to give
 * and the collector to take back: with bodies that is more than half of what carrying them costs. Here whoever keeps a
 * piece of what was read holds it, and gives it back when it is done; memory that nobody holds is read into next. Who
 * forgets to give back costs fresh memory and nothing else: what is held is never written over.
 */

/** As much as a read takes at most, bytes. */
const BUFFER_BYTES = 128 * 1024;
/** Buffers without a holder that one socket keeps at most. */
const KEPT = 4;

interface Lease {
  readonly whole: Buffer;
  readonly shelf: Buffer[];
  holders: number;
}

/** What is read into memory that is used again, by that memory. */
const leases = new WeakMap<ArrayBufferLike, Lease>();

/** Memory for one socket: each call gives some that nobody holds, and holds it for the caller. */
export function createReadBuffers(): () => Buffer {
  const shelf: Buffer[] = [];
  return () => {
    const whole = shelf.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    const lease = leases.get(whole.buffer);
    if (lease === undefined) leases.set(whole.buffer, { whole, shelf, holders: 1 });
    else lease.holders = 1;
    return whole;
  };
}

/** Keeps a piece of what was read from being written over. Of other memory it does nothing, nor does `giveBack`. */
export function hold(piece: Uint8Array): void {
  const lease = leases.get(piece.buffer);
  if (lease !== undefined) lease.holders += 1;
}

/** Undoes one `hold`: once for each, and never before the last look at the piece. */
export function giveBack(piece: Uint8Array): void {
  const lease = leases.get(piece.buffer);
  if (lease === undefined) return;
  lease.holders -= 1;
  if (lease.holders === 0 && lease.shelf.length < KEPT) lease.shelf.push(lease.whole);
}
