import { Socket } from "node:net";
import type { Channel } from "./powers.ts";

/**
 * Makes a channel of a connected socket, which from then on belongs to the channel. Bytes wait in the kernel until the
 * first `onData`. An error of the socket is the end of the channel: there is nobody left to tell.
 */
export function socketChannel(socket: Socket): Channel {
  let closed = false;
  const closeListeners: (() => void)[] = [];
  socket.on("error", () => socket.destroy());
  // A peer that stops sending has gone: no protocol here has a half-open state.
  socket.on("end", () => socket.destroy());
  socket.on("close", () => {
    closed = true;
    for (const listener of closeListeners.splice(0)) listener();
  });
  return Object.freeze({
    onData: (listener: (chunk: Uint8Array) => void) => {
      socket.on("data", listener);
      socket.resume(); // an accepted socket comes paused, and a listener alone does not wake it
    },
    onClose: (listener: () => void) => {
      // Told late to those who ask late, and never in the middle of their own call.
      if (closed) queueMicrotask(listener);
      else closeListeners.push(listener);
    },
    write: (bytes: Uint8Array) => !closed && !socket.destroyed && socket.write(bytes),
    onDrain: (listener: () => void) => void socket.on("drain", listener),
    destroy: () => void socket.destroy(),
  });
}

/**
 * Makes a channel of an inherited descriptor: one end of a socketpair that was there when this process began.
 * Throws when the descriptor is not an open socket or pipe.
 */
export function inheritedChannel(fd: number): Channel {
  return socketChannel(new Socket({ fd, readable: true, writable: true }));
}
