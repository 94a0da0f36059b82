import { randomBytes } from "node:crypto";
import type { Random } from "../powers.ts";

/** Makes the randomness of this machine: the kernel's, through OpenSSL. */
export function createRandom(): Random {
  return Object.freeze({
    // A copy: small buffers of Node are slices of a pool that others' secrets lie in too.
    bytes: (count: number) => new Uint8Array(randomBytes(count)),
    hex: (count: number) => randomBytes(count).toString("hex"),
  });
}
