import { closeSync } from "node:fs";
import { makeSocketPair } from "./socket-pair.ts";

/** One end of a socketpair that a sandbox is to inherit; this process only hands it on. */
export interface SocketEnd {
  readonly fd: number;
  /** Closes this process's copy. Closing twice is no fault. */
  close(): void;
}

/** Two ends for two sandboxes to speak through without this process. Throws `system-call`. */
export function makeSocketEnds(): readonly [SocketEnd, SocketEnd] {
  const [near, far] = makeSocketPair();
  return [endOf(near), endOf(far)];
}

function endOf(fd: number): SocketEnd {
  let open = true;
  return Object.freeze({
    fd,
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  });
}
