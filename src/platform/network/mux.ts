import { Duplex } from "node:stream";
import type { Channel } from "../powers.ts";
import { hold } from "../channels/read-buffers.ts";

/**
 * Many byte streams over one channel, for the driver of an HTTP server and its connector, and for a face and its broker.
 *
 * Frames: 4 bytes length of what follows, 4 bytes stream id, 1 byte kind, payload; integers big-endian. Kinds: open (0),
 * data (1), end (2), reset (3), credit (4, payload: 4 bytes). Only the client opens streams; ids are never used again.
 * A sender may have at most `WINDOW` bytes under way that the receiver has not yet taken (credit gives them back), so
 * that a stream that nobody reads holds `WINDOW` bytes and blocks no other. Anything else is a fault that ends the
 * channel: both sides are ours, so a frame that does not fit means that one of them was taken over (ERRORS-DENY).
 */
export const STREAMS = 64;
const WINDOW = 256 * 1024;
const FRAME_BYTES = 64 * 1024;
const HEADER = 9;
/** Payloads up to this are written together with their header; to copy a longer one would cost more than a second write. */
const JOINED_BYTES = 4 * 1024;
/** Pieces from this on keep the chunk that they came in. */
const KEPT_BYTES = 32 * 1024;

const KIND = { open: 0, data: 1, end: 2, reset: 3, credit: 4 } as const;

interface Frame {
  readonly id: number;
  readonly kind: number;
  readonly payload: Buffer;
}

/** The side that opens streams. */
export interface MuxClient {
  /** Opens a stream; throws when too many are open or the channel is gone. */
  connect(): Duplex;
}

/** Makes the client of a channel, which from then on belongs to it. Both ends must agree on how many streams there may be. */
export function createMuxClient(channel: Channel, most: number = STREAMS): MuxClient {
  const streams = new Map<number, MuxStream>();
  let lastId = 0;
  let closed = false;
  const send = carryFrames(channel, streams, {
    onFrame: ({ id }) => id > 0 && id <= lastId,
    onClose: () => {
      closed = true;
    },
  });
  return Object.freeze({
    connect: () => {
      if (closed) throw new Error("Cannot open a stream: the connector is gone");
      if (streams.size >= most) throw new Error(`Cannot open a stream: ${most} are open`);
      lastId += 1;
      const stream = new MuxStream(lastId, { send, onGone: (id) => streams.delete(id) });
      streams.set(lastId, stream);
      send(lastId, KIND.open, EMPTY);
      return stream;
    },
  });
}

/** Makes the server of a channel: `onStream` gets each stream that the client opens. */
export function serveMux(channel: Channel, onStream: (stream: Duplex) => void, most: number = STREAMS): void {
  const streams = new Map<number, MuxStream>();
  let lastId = 0;
  const send = carryFrames(channel, streams, {
    onFrame: ({ id, kind }) => {
      if (kind !== KIND.open) return id > 0 && id <= lastId;
      if (id !== lastId + 1 || streams.size >= most) return false;
      lastId = id;
      const stream = new MuxStream(id, { send, onGone: (gone) => streams.delete(gone) });
      streams.set(id, stream);
      onStream(stream);
      return true;
    },
    onClose: () => undefined,
  });
}

const EMPTY = Buffer.alloc(0);

type Send = (id: number, kind: number, payload: Buffer) => void;

/** Reads frames for streams and returns the writer of frames. `onFrame` says whether a frame may be. */
function carryFrames(
  channel: Channel,
  streams: Map<number, MuxStream>,
  options: { readonly onFrame: (frame: Frame) => boolean; readonly onClose: () => void },
): Send {
  const header = Buffer.alloc(HEADER);
  /** Bytes of the header that are there. */
  let have = 0;
  /** Bytes of the payload that are still to come. */
  let left = 0;
  /** What is there of a payload that is no data: at most four bytes. */
  let small: Buffer = EMPTY;
  channel.onClose(() => {
    options.onClose();
    for (const stream of streams.values()) stream.destroy(new Error("The other side of the connector is gone"));
  });
  // A frame for a stream that is over was under way when it ended.
  const take = (payload: Buffer): boolean => {
    const frame = { id: header.readUInt32BE(4), kind: header.readUInt8(8), payload };
    return options.onFrame(frame) && streams.get(frame.id)?.accept(frame) !== false;
  };
  /** Reads on from `at`; where it came to, or -1 for what may not be. */
  const readOn = (bytes: Buffer, at: number): number => {
    if (have < HEADER) {
      const part = bytes.copy(header, have, at, at + HEADER - have);
      have += part;
      if (have >= 4) {
        const length = header.readUInt32BE(0);
        if (length < HEADER - 4 || length > FRAME_BYTES + HEADER - 4) return -1;
        left = length - (HEADER - 4);
      }
      if (have < HEADER) return at + part;
      if (left > 0) return at + part;
      have = 0;
      return take(EMPTY) ? at + part : -1;
    }
    const end = Math.min(bytes.length, at + left);
    const piece = bytes.subarray(at, end);
    left -= piece.length;
    // Data is handed on as it comes: to wait for a whole frame would mean to copy it.
    if (header.readUInt8(8) === KIND.data) {
      if (left === 0) have = 0;
      return take(piece) ? end : -1;
    }
    small = Buffer.concat([small, piece]);
    if (small.length > 4) return -1;
    if (left > 0) return end;
    const whole = small;
    small = EMPTY;
    have = 0;
    return take(whole) ? end : -1;
  };
  channel.onData((chunk) => {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length;) {
      at = readOn(bytes, at);
      if (at < 0) return channel.destroy();
    }
  });
  return (id, kind, payload) => {
    const first = Buffer.allocUnsafe(HEADER);
    first.writeUInt32BE(HEADER - 4 + payload.length, 0);
    first.writeUInt32BE(id, 4);
    first.writeUInt8(kind, 8);
    if (payload.length < JOINED_BYTES) return void channel.write(Buffer.concat([first, payload]));
    channel.write(first);
    channel.write(payload);
  };
}

class MuxStream extends Duplex {
  readonly #id: number;
  readonly #send: Send;
  readonly #onGone: (id: number) => void;
  /** Bytes that may still be sent. */
  #credit = WINDOW;
  /** Bytes that may still arrive before the sender breaks its promise. */
  #room = WINDOW;
  /** Bytes that were taken and are not yet given back as credit. */
  #owed = 0;
  #waiting: { bytes: Buffer; done: (error?: Error | null) => void } | null = null;
  /** What arrived and was not yet asked for; at most `WINDOW` bytes. */
  readonly #arrived: Buffer[] = [];
  #wanted = false;
  #otherEnded = false;
  #reset = false;

  constructor(id: number, options: { readonly send: Send; readonly onGone: (id: number) => void }) {
    super({ allowHalfOpen: true, readableHighWaterMark: FRAME_BYTES, writableHighWaterMark: FRAME_BYTES });
    this.#id = id;
    this.#send = options.send;
    this.#onGone = options.onGone;
  }

  /** Takes one frame from the other side; false when it may not be. */
  accept({ kind, payload }: Frame): boolean {
    switch (kind) {
      case KIND.open:
        return payload.length === 0;
      case KIND.data:
        if (this.#otherEnded || payload.length > this.#room) return false;
        this.#room -= payload.length;
        // A small piece is copied, since its memory belongs to a chunk that holds other streams' bytes too.
        if (payload.length < KEPT_BYTES) this.#arrived.push(Buffer.from(payload));
        else {
          hold(payload);
          this.#arrived.push(payload);
        }
        if (this.#wanted) this.#hand();
        return true;
      case KIND.end:
        if (this.#otherEnded) return false;
        this.#otherEnded = true;
        if (this.#wanted) this.#hand();
        return true;
      case KIND.reset:
        this.#reset = true;
        // The other side has this stream no more, and may open another in its place.
        this.#onGone(this.#id);
        // In the next turn: whoever reads has what came before it, the head of an answer for one.
        setImmediate(() => this.destroy(new Error("The connection was closed by the other side")));
        return true;
      case KIND.credit:
        if (payload.length !== 4) return false;
        this.#credit += payload.readUInt32BE(0);
        if (this.#credit > WINDOW) return false;
        this.#flush();
        return true;
      default:
        return false;
    }
  }

  override _read(): void {
    this.#wanted = true;
    this.#hand();
  }

  /** Hands on one piece, or the end, and gives back the room that the piece had. */
  #hand(): void {
    const next = this.#arrived.shift();
    if (next === undefined) {
      if (this.#otherEnded) this.push(null);
      return;
    }
    this.#wanted = false;
    this.#owed += next.length;
    // In larger amounts: until then the sender has most of its window left.
    if (!this.#otherEnded && this.#owed >= FRAME_BYTES) {
      const payload = Buffer.allocUnsafe(4);
      payload.writeUInt32BE(this.#owed, 0);
      this.#room += this.#owed;
      this.#owed = 0;
      this.#send(this.#id, KIND.credit, payload);
    }
    this.push(next);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#waiting = { bytes: chunk, done };
    this.#flush();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#send(this.#id, KIND.end, EMPTY);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (!this.#reset && !(this.#otherEnded && this.writableFinished)) this.#send(this.#id, KIND.reset, EMPTY);
    this.#onGone(this.#id);
    waiting?.done(error ?? new Error("The stream was destroyed"));
    done(error);
  }

  #flush(): void {
    while (this.#waiting !== null && this.#credit > 0) {
      const { bytes, done } = this.#waiting;
      const part = bytes.subarray(0, Math.min(this.#credit, FRAME_BYTES));
      const rest = bytes.subarray(part.length);
      // Before sending: a channel may deliver at once, and the credit that comes back enters here again.
      this.#credit -= part.length;
      this.#waiting = rest.length > 0 ? { bytes: rest, done } : null;
      this.#send(this.#id, KIND.data, part);
      if (rest.length === 0) done();
    }
  }
}
