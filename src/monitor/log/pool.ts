const POOL_BYTES = 65_536;
/** What is longer gets memory of its own, so that little of a pool is left unused. */
const SHORT_BYTES = POOL_BYTES / 16;

/**
 * Keeps copies of bytes that live about equally long, such as the leaves until the next checkpoint: many short ones
 * share an allocation. An allocation lives as long as any of its copies.
 */
export function createPool(): (bytes: Uint8Array) => Uint8Array {
  let pool = new Uint8Array(0);
  let used = 0;
  return (bytes) => {
    if (bytes.length > SHORT_BYTES) return bytes.slice();
    if (used + bytes.length > pool.length) {
      pool = new Uint8Array(POOL_BYTES);
      used = 0;
    }
    pool.set(bytes, used);
    used += bytes.length;
    return pool.subarray(used - bytes.length, used);
  };
}
