import { closeSync } from "node:fs";
import { listenOnLoopback, listenOnLoopback6 } from "./loopback-listener.ts";
import { PlatformError } from "../platform-error.ts";
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

/** A socket that listens on a port of 127.0.0.1, for one sandbox to accept from. Throws `system-call`. */
export function makeListenerEnd(port: number): SocketEnd {
  return endOf(listenOnLoopback(port));
}

/** Sockets on a port of every loopback address that this machine has, so that nobody else is found there. Throws `system-call`. */
export function makeListenerEnds(port: number): readonly SocketEnd[] {
  const first = makeListenerEnd(port);
  try {
    const second = listenOnLoopback6(port);
    return second === null ? [first] : [first, endOf(second)];
  } catch {
    first.close();
    throw new PlatformError("system-call", `Cannot listen at ::1, port ${port}, although 127.0.0.1 is free`);
  }
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
