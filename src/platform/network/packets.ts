import type { Readable } from "node:stream";

/** Longest packet of git's protocol, its length included (gitprotocol-common). */
const PACKET_BYTES = 65_520;

/** A text of one byte a character as a packet: four hex digits of its length and itself. */
export function packet(text: string): Buffer {
  return packetOf(Buffer.from(text, "latin1"));
}

/** The end of a list of packets. */
export const FLUSH: Buffer = Buffer.from("0000", "latin1");

function packetOf(bytes: Buffer): Buffer {
  const length = bytes.length + 4;
  if (length > PACKET_BYTES) throw new RangeError(`Cannot write a packet of ${length} bytes`);
  return Buffer.concat([Buffer.from(length.toString(16).padStart(4, "0"), "latin1"), bytes]);
}

/**
 * Reads packets of a stream and gives each to `take` as text of one byte a character, a flush as null, until it says that it
 * has enough; what follows is put back, so that the next reader begins after it. Rejects when the stream ends before, when
 * more than `most` bytes come, or when they are no packets.
 */
export function readPackets(stream: Readable, most: number, take: (text: string | null) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    let total = 0;
    const settle = (error: Error | null): void => {
      stream.off("readable", onReadable);
      stream.off("end", onGone);
      stream.off("close", onGone);
      if (error !== null) return reject(error);
      if (held.length > 0) stream.unshift(held);
      resolve();
    };
    const onGone = (): void => settle(new Error("The stream ended within its packets"));
    const onReadable = (): void => {
      try {
        for (let chunk: unknown = stream.read(); chunk instanceof Buffer; chunk = stream.read()) {
          held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
          for (let next = first(held); next !== null; next = first(held)) {
            held = held.subarray(next.bytes);
            total += next.bytes;
            if (total > most) throw new RangeError(`More than ${most} bytes of packets`);
            if (take(next.text)) return settle(null);
          }
        }
      } catch (error) {
        settle(error instanceof Error ? error : new Error("no packets"));
      }
    };
    stream.on("readable", onReadable);
    stream.once("end", onGone);
    stream.once("close", onGone);
  });
}

/** The first packet of some bytes; null when it is not whole yet. */
function first(held: Buffer): { readonly text: string | null; readonly bytes: number } | null {
  if (held.length < 4) return null;
  const digits = held.toString("latin1", 0, 4);
  const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : -1;
  if (length === 0) return { text: null, bytes: 4 };
  if (length < 4 || length > PACKET_BYTES) throw new RangeError("The bytes are no packets");
  return held.length < length ? null : { text: held.toString("latin1", 4, length), bytes: length };
}
