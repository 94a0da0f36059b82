import type { Crypto, Random } from "../../platform/powers.ts";
import { concatBytes, encodeUtf8, equalBytes } from "../../protocol/bytes.ts";
import { deriveKey, type LogKeys } from "./keys.ts";

/**
 * One data key for every record, in a slot of its own at a fixed place, wrapped by an epoch key.
 *
 * Slots are made and written ahead of use, so that an append waits for no second file, and they exist nowhere else:
 * a slot that is overwritten with zeros destroys its key for good.
 * A chunk is 64 bytes of head (magic 16, epoch 4, nonce 12, zeros 32) and 2,048 slots of 32 bytes; slots are aligned to
 * their size, so that none straddles a sector.
 */
export interface KeySlots {
  /** Data key for a record about to be written: any from the size of the log on. Numbers that were refused come again. */
  next(seq: number): Uint8Array;
  /**
   * Resolves when the slots from `first` (the size of the log) to `last` are on stable storage. Nothing sealed with
   * their keys may be written before.
   */
  durable(first: number, last: number): Promise<void>;
  /** Data key of a record, or null when it was destroyed. */
  read(seq: number): Promise<Uint8Array | null>;
  /** Whether there is nothing at all under the current epoch where the key of this record would be. */
  isBlank(seq: number): Promise<boolean>;
  /** Forgets what was read, so that the next reads say what is on disk now. */
  refresh(): void;
  /**
   * Wraps every key anew under another epoch, but for those of these records, in another file, durably. Reading goes on
   * from the old file until `use`. Keys that are made meanwhile are wrapped under both, so that nothing need wait.
   */
  rewrap(epoch: number, without: readonly number[]): Promise<void>;
  /** Reads and writes the file of the current epoch from now on, and removes the one of this older epoch. */
  use(older: number): Promise<void>;
}

const pathOf = (epoch: number): string => `slots-${epoch}`;
const MAGIC = encodeUtf8("aios log slots 1");
/** Bytes of a slot, slots of a chunk, and bytes of a chunk with its head. */
export const SLOT_BYTES = 32;
export const SLOTS = 2048;
const HEAD_BYTES = 64;
export const CHUNK_BYTES: number = HEAD_BYTES + SLOTS * SLOT_BYTES;
/** When so few unused slots are left, the next chunk is made. */
const LOW_WATER = 1024;
const NOTHING = new Uint8Array(0);

interface Chunk {
  readonly number: number;
  /** Data keys in the clear, in memory only. */
  readonly keys: Uint8Array;
  written: Promise<void>;
}

/** Whether slots were ever written: if so, a log was here. */
export async function slotsExist(keys: {
  readonly epoch: number;
  readonly files: Pick<LogKeys["files"], "readRange">;
}): Promise<boolean> {
  return (await keys.files.readRange(pathOf(keys.epoch), { offset: 0, length: 1 })) !== null;
}

/** Opens the slots of a log that holds `size` records. */
export async function openSlots(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly keys: LogKeys;
  readonly size: number;
  /** Chunks of keys that stay at hand after a read, 64 KiB each; one, as for a walk, unless more are named. */
  readonly atHand?: number;
  /** Goes past chunks of which the current epoch has nothing when it wraps anew, where its key was lost; else it refuses. */
  readonly passBlank?: boolean;
}): Promise<KeySlots> {
  const { crypto, random, keys, atHand = 1, passBlank = false } = options;
  const chunks = new Map<number, Chunk>();
  /** Data keys of chunks that were read, in the clear, by number, the one that was read from disk longest ago first. */
  const cached = new Map<number, Uint8Array>();

  let newest = Math.floor(options.size / SLOTS) - 1;
  /** The epoch under which chunks are being wrapped anew. */
  let coming: number | null = null;

  // The chunk of the next record is in use when a record of this log lies in it: its nonce must not wrap other keys.
  if (options.size % SLOTS !== 0) {
    const number = Math.floor(options.size / SLOTS);
    const known = await load(number);
    if (known !== null) {
      chunks.set(number, { number, keys: known, written: Promise.resolve() });
      newest = number;
    }
  }

  return { next, durable, read, isBlank: (seq) => blank(Math.floor(seq / SLOTS)), refresh, rewrap, use };

  async function rewrap(epoch: number, without: readonly number[]): Promise<void> {
    const last = newest;
    coming = epoch;
    for (const { written } of chunks.values()) await written;
    // A byte a record: a set of very many numbers takes so long to make that everybody waits.
    const destroyed = new Uint8Array((last + 1) * SLOTS);
    for (const seq of without) destroyed[seq] = 1;
    for (let number = 0; number <= last; number += 1) {
      const known = await load(number);
      if (known === null && passBlank && (await blank(number))) continue;
      if (known === null) throw new RangeError(`Cannot wrap slot chunk ${number} anew: it cannot be read`);
      for (let place = 0; place < SLOTS; place += 1) {
        if (destroyed[number * SLOTS + place] !== 1) continue;
        for (const plain of [known, chunks.get(number)?.keys]) {
          plain?.fill(0, place * SLOT_BYTES, (place + 1) * SLOT_BYTES);
        }
      }
      const wrapped = wrap(known, epoch);
      known.fill(0);
      await keys.files.writeRange(pathOf(epoch), { offset: number * CHUNK_BYTES, bytes: wrapped });
    }
  }

  async function use(older: number): Promise<void> {
    refresh();
    coming = null;
    for (const { written } of chunks.values()) await written;
    await keys.files.remove([pathOf(older)], { durable: true });
  }

  function next(seq: number): Uint8Array {
    const number = Math.floor(seq / SLOTS);
    const chunk = chunks.get(number) ?? create(number);
    const place = seq % SLOTS;
    if (place >= SLOTS - LOW_WATER && !chunks.has(number + 1)) create(number + 1);
    return chunk.keys.subarray(place * SLOT_BYTES, (place + 1) * SLOT_BYTES);
  }

  async function durable(first: number, last: number): Promise<void> {
    const needed = Math.floor(first / SLOTS);
    for (let number = needed; number <= Math.floor(last / SLOTS); number += 1) {
      const chunk = chunks.get(number);
      if (chunk === undefined) throw new RangeError(`Cannot wait for slot chunk ${number}: it was never given out`);
      try {
        await chunk.written;
      } catch (error) {
        // The same keys once more, the next time that somebody waits: they have been given out.
        chunk.written = write(number, chunk.keys);
        chunk.written.catch(() => {});
        throw error;
      }
    }
    for (const older of chunks.keys()) if (older < needed) chunks.delete(older);
  }

  async function read(seq: number): Promise<Uint8Array | null> {
    const number = Math.floor(seq / SLOTS);
    let known = cached.get(number) ?? null;
    if (known === null) {
      let epoch: number;
      // Once more when the epoch ended meanwhile: the key that opens what was read went with it, and keys that are destroyed.
      do {
        ({ epoch } = keys);
        known = await load(number);
      } while (keys.epoch !== epoch);
      if (known === null) return null;
      remember(number, known);
    }
    const at = (seq % SLOTS) * SLOT_BYTES;
    // A copy, in this turn: the chunk may be forgotten while its reader still opens something.
    const key = known.slice(at, at + SLOT_BYTES);
    return isZero(key) ? null : key;
  }

  function refresh(): void {
    for (const number of cached.keys()) forget(number);
  }

  function remember(number: number, plain: Uint8Array): void {
    const [oldest] = cached.keys();
    if (oldest !== undefined && cached.size >= atHand) forget(oldest);
    cached.set(number, plain);
  }

  function forget(number: number): void {
    cached.get(number)?.fill(0);
    cached.delete(number);
  }

  function create(number: number): Chunk {
    // Writing a chunk anew would destroy the keys of records in it.
    if (number <= newest) throw new RangeError(`Cannot make slot chunk ${number}: it is in use`);
    newest = number;
    forget(number);
    const fresh = random.bytes(SLOTS * SLOT_BYTES);
    const written = write(number, fresh);
    written.catch(() => {}); // whoever waits in `durable` is told
    const chunk = { number, keys: fresh, written };
    chunks.set(number, chunk);
    return chunk;
  }

  function write(number: number, plain: Uint8Array): Promise<void> {
    const epochs = new Set(coming === null ? [keys.epoch] : [keys.epoch, coming]);
    return Promise.resolve().then(async () => {
      for (const epoch of epochs)
        await keys.files.writeRange(pathOf(epoch), { offset: number * CHUNK_BYTES, bytes: wrap(plain, epoch) });
    });
  }

  /** A chunk under the key of an epoch, with a nonce of its own. */
  function wrap(plain: Uint8Array, epoch: number): Uint8Array {
    const epochKey = keys.key(epoch);
    if (epochKey === null) throw new RangeError(`Cannot wrap keys: epoch ${epoch} has none`);
    const nonce = random.bytes(12);
    const head = new Uint8Array(HEAD_BYTES);
    head.set(MAGIC);
    new DataView(head.buffer).setUint32(16, epoch);
    head.set(nonce, 20);
    const masked = mask(plain, { epochKey, nonce });
    keepZeros(plain, masked);
    return concatBytes([head, masked]);
  }

  /** What is behind an end of the file, or a hole in it: nothing was ever written there under this epoch. */
  async function blank(number: number): Promise<boolean> {
    const there = { offset: number * CHUNK_BYTES, length: CHUNK_BYTES };
    const found = await keys.files.readRange(pathOf(keys.epoch), there);
    return found === null || found.every((byte) => byte === 0);
  }

  /** Data keys of a chunk in the clear, zeros for those that were destroyed; null when it cannot be read. */
  async function load(number: number): Promise<Uint8Array | null> {
    const wrapped = await keys.files.readRange(pathOf(keys.epoch), {
      offset: number * CHUNK_BYTES,
      length: CHUNK_BYTES,
    });
    if (wrapped?.length !== CHUNK_BYTES || !equalBytes(wrapped.subarray(0, MAGIC.length), MAGIC)) return null;
    const epoch = new DataView(wrapped.buffer, wrapped.byteOffset).getUint32(16);
    const epochKey = keys.key(epoch);
    if (epochKey === null) return null;
    const masked = wrapped.subarray(HEAD_BYTES);
    const plain = mask(masked, { epochKey, nonce: wrapped.slice(20, 32) });
    keepZeros(masked, plain);
    return plain;
  }

  /**
   * AES-256 in counter mode, as the encryption inside GCM: slots can be read and destroyed one by one. Nothing
   * authenticates a slot, and nothing needs to: the payload's own tag refuses any other key.
   */
  function mask(bytes: Uint8Array, { epochKey, nonce }: { epochKey: Uint8Array; nonce: Uint8Array }): Uint8Array {
    const key = deriveKey(crypto, { purpose: "slots", key: epochKey });
    return crypto.seal(key, nonce, bytes, NOTHING).slice(0, bytes.length);
  }
}

/** A destroyed key is zeros on disk and in memory, and stays so however often its chunk is read and written. */
function keepZeros(from: Uint8Array, to: Uint8Array): void {
  for (let at = 0; at < from.length; at += SLOT_BYTES) {
    // Of living keys one in 256 begins so: only those are looked at whole.
    if (from[at] === 0 && isZero(from.subarray(at, at + SLOT_BYTES))) to.fill(0, at, at + SLOT_BYTES);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
