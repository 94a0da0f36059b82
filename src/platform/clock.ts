import type { Clock } from "./powers.ts";
import { bindFunction, checkCall } from "./libc.ts";

// linux/time.h. BOOTTIME counts the time a machine sleeps and nobody can set it, unlike the wall clock (DESIGN 7).
const CLOCK_BOOTTIME = 7;

const clockGettime = bindFunction<[number, Buffer]>("int clock_gettime(int, void *)");

/** Makes the clock of this machine. `boot` throws `system-call` on a kernel without CLOCK_BOOTTIME. */
export function createClock(): Clock {
  const spec = Buffer.alloc(16);
  return Object.freeze({
    wall: () => Date.now(),
    boot: () => {
      checkCall("read the boot clock", clockGettime(CLOCK_BOOTTIME, spec));
      return Number(spec.readBigInt64LE(0)) * 1000 + Math.trunc(Number(spec.readBigInt64LE(8)) / 1_000_000);
    },
    micros: () => Math.trunc(performance.now() * 1000),
  });
}
