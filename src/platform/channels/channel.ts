import { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Channel } from "../powers.ts";
import { createReadBuffers, giveBack } from "./read-buffers.ts";

/** Bytes that wait at most for the end of a turn; with more, what waits is written at once. */
const MOST_HELD = 16 * 1024;

/**
 * Makes a channel of a connected socket, which from then on belongs to the channel. Bytes wait in the kernel until the
 * first `onData`. An error of the socket is the end of the channel: there is nobody left to tell.
 */
export function socketChannel(socket: Socket): Channel {
  return pairChannel(socket, socket);
}

/** As `socketChannel`, of two sockets that go one way each: the standard streams of a child. One's end is the other's. */
export function pairChannel(incoming: Socket, outgoing: Socket): Channel {
  let closed = false;
  const closeListeners: (() => void)[] = [];
  const output = holdTurn(outgoing);
  const destroy = (): void => {
    output.flush();
    incoming.destroy();
    outgoing.destroy();
  };
  for (const socket of new Set([incoming, outgoing])) {
    socket.on("error", destroy);
    // A peer that stops sending has gone: no protocol here has a half-open state.
    socket.on("end", destroy);
    socket.on("close", () => {
      if (closed) return;
      closed = true;
      destroy();
      for (const listener of closeListeners.splice(0)) listener();
    });
  }
  return Object.freeze({
    onData: (listener: (chunk: Uint8Array) => void) => {
      incoming.on("data", listener);
      incoming.resume(); // an accepted socket comes paused, and a listener alone does not wake it
    },
    onClose: (listener: () => void) => {
      // Told late to those who ask late, and never in the middle of their own call.
      if (closed) queueMicrotask(listener);
      else closeListeners.push(listener);
    },
    write: (bytes: Uint8Array) => !closed && !outgoing.destroyed && output.write(bytes),
    onDrain: (listener: () => void) => void outgoing.on("drain", listener),
    destroy,
  });
}

/**
 * Makes a channel of an inherited descriptor: one end of a socketpair that was there when this process began.
 * Throws when the descriptor is not an open socket or pipe.
 */
export function inheritedChannel(fd: number): Channel {
  return socketChannel(new Socket({ fd, readable: true, writable: true }));
}

/**
 * The same for a channel that carries bodies: what is read lies in memory that is used again, unless the listener holds it
 * (`read-buffers.ts`).
 */
export function inheritedBulkChannel(fd: number): Channel {
  let hear: ((chunk: Uint8Array) => void) | null = null;
  let early: Buffer | null = null;
  const socket = new Socket({
    fd,
    readable: true,
    writable: true,
    onread: {
      buffer: createReadBuffers(),
      callback: (bytes, buffer) => {
        const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
        if (hear === null) early = chunk;
        else {
          hear(chunk);
          giveBack(chunk);
        }
        return hear !== null;
      },
    },
  });
  const channel = socketChannel(socket);
  return Object.freeze({
    ...channel,
    onData: (listener: (chunk: Uint8Array) => void) => {
      hear = listener;
      if (early !== null) listener(early);
      early = null;
      socket.resume();
    },
  });
}

/**
 * Writes what comes in one turn of the event loop with one system call at its end: a write that wakes another process
 * costs more than most of what is done to make a message, and answers come in groups, as records do.
 */
function holdTurn(output: Writable): { write(bytes: Uint8Array): boolean; flush(): void } {
  let held: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    const [only] = held;
    if (only === undefined) return;
    const whole = held.length === 1 ? only : Buffer.concat(held, size);
    held = [];
    size = 0;
    output.write(whole);
  };
  return {
    write(bytes) {
      if (held.length === 0 && bytes.length < MOST_HELD) process.nextTick(flush);
      if (bytes.length >= MOST_HELD) {
        // Only what is small is ever copied; what is large goes out behind it, in the same call.
        output.cork();
        flush();
        output.write(bytes);
        output.uncork();
      } else {
        held.push(bytes);
        size += bytes.length;
        if (size >= MOST_HELD) flush();
      }
      // Asked of the stream and not of the write, so that there is always a `drain` to come after a false.
      return !output.writableNeedDrain;
    },
    flush,
  };
}
