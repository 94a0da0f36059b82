import type { StorageJoin } from "../../sandbox/storage-wire.ts";
import { sendMessage } from "../channels/fd-passing.ts";
import { makeSocketEnds, type SocketEnd } from "../channels/socket-end.ts";

/**
 * Has a storage device act for one more sandbox; `control` is this process's end of the socket to the device, which need not
 * run yet. Gives the supervisor's end of a socket between the two, which the caller closes when the supervisor has it.
 * Throws `system-call`, also when the device is gone.
 */
export function joinStorage(control: SocketEnd, join: StorageJoin): SocketEnd {
  const [theirs, ours] = makeSocketEnds();
  try {
    sendMessage(control.fd, { bytes: Buffer.from(`${JSON.stringify(join)}\n`), fds: [theirs.fd] });
    return ours;
  } catch (error) {
    ours.close();
    throw error;
  } finally {
    theirs.close();
  }
}
