import type { Crypto, Random } from "../../platform/powers.ts";
import { createDraw, type DrawBytes } from "./draw.ts";
import { LogError } from "./error.ts";
import type { AppendFile, LogFiles, LogReader } from "../../platform/log/log-powers.ts";
import {
  decodeFrames,
  decodeSegmentHead,
  encodeFrame,
  encodeSegmentHead,
  NONCE_BYTES,
  SEGMENT_HEAD_BYTES,
  type JournalEntry,
} from "./frame.ts";
import { deriveKey, type LogKeys } from "./keys.ts";

const FOLDER = "journal";

/** What the journal needs. */
export interface JournalPowers {
  readonly files: LogFiles;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly keys: LogKeys;
}

/** What reading it needs. */
export interface JournalReading {
  readonly files: LogReader;
  readonly crypto: Crypto;
  readonly keys: Pick<LogKeys, "key">;
}

/** What the segments of a log hold. */
export interface JournalContent {
  /** Number of the first record that is (or will be) in the journal: everything before is in tiles and payload files. */
  readonly first: number;
  readonly entries: readonly JournalEntry[];
  /** Numbers that name the segments. */
  readonly segments: readonly number[];
}

/**
 * Reads the segments; null when there is none. The tail of the last write, if it was interrupted, is dropped: it was
 * never acknowledged. So are records that a later segment has numbered again: their write had failed, and was refused.
 * Throws LogError `log-damaged` for anything that no crash leaves behind.
 */
export async function readJournal(powers: JournalReading): Promise<JournalContent | null> {
  const names = (await powers.files.list(FOLDER)).filter((name) => /^[0-9]{16}$/.test(name));
  let first: number | null = null;
  let entries: JournalEntry[] = [];
  for (const name of names) {
    const segment = await powers.files.read(`${FOLDER}/${name}`);
    const head = segment === null ? null : decodeSegmentHead(segment);
    if (segment === null || head === null || head.first !== Number(name)) throw damaged(name, "it has no head");
    first ??= head.first;
    if (head.first > first + entries.length) throw damaged(name, "the one before it is cut or missing");
    entries = entries.slice(0, head.first - first);
    const key = segmentKey(powers, head.epoch);
    const content = decodeFrames(segment, { crypto: powers.crypto, key });
    if (content.end === "damaged") throw damaged(name, "something in it was changed");
    for (const frame of content.frames) {
      if (frame.first !== first + entries.length) throw damaged(name, `record ${frame.first} is out of order`);
      entries.push(...frame.entries);
    }
  }
  return first === null ? null : { first, entries, segments: names.map(Number) };
}

/** Groups of records, each durable with one write and one sync. */
export class Journal {
  readonly #powers: JournalPowers;
  readonly #segments: number[];
  readonly #draw: DrawBytes;
  #current: { readonly file: AppendFile; readonly key: Uint8Array; first: number; bytes: number } | null = null;

  /** `segments` are those that are there already, oldest first. Call `rotate` before the first append. */
  constructor(powers: JournalPowers, segments: readonly number[]) {
    this.#powers = powers;
    this.#segments = [...segments];
    this.#draw = createDraw(powers.random);
  }

  /** Bytes in the current segment. */
  get bytes(): number {
    return this.#current?.bytes ?? 0;
  }

  /** Number of the first record of the current segment. */
  get first(): number {
    return this.#current?.first ?? 0;
  }

  /** Resolves when the group is durable. */
  async append(first: number, entries: readonly JournalEntry[]): Promise<void> {
    if (this.#current === null) throw new LogError("log-unavailable", "Cannot append: the journal has no segment");
    const { file, key } = this.#current;
    const frame = encodeFrame({ first, entries }, { crypto: this.#powers.crypto, key, nonce: this.#draw(NONCE_BYTES) });
    await file.append(frame);
    this.#current.bytes += frame.length;
  }

  /**
   * Begins a segment whose first record is `first`. One of this number may be there: then it holds nothing that was
   * acknowledged, and is replaced. Written under the current epoch, or the one that is about to be.
   */
  async rotate(first: number, epoch: number = this.#powers.keys.epoch): Promise<void> {
    const { files } = this.#powers;
    const path = pathOf(first);
    const key = segmentKey(this.#powers, epoch);
    await this.#current?.file.close().catch(() => {}); // every byte of it that counts is durable
    this.#current = null;
    await files.write([{ path, bytes: encodeSegmentHead({ first, epoch }) }], { durable: true });
    if (this.#segments.at(-1) !== first) this.#segments.push(first);
    this.#current = { file: await files.append(path), key, first, bytes: SEGMENT_HEAD_BYTES };
  }

  /** Removes the segments before the current one: what they hold is durable elsewhere. */
  async drop(): Promise<void> {
    const current = this.#current?.first ?? 0;
    while (this.#segments[0] !== undefined && this.#segments[0] < current) {
      await this.#powers.files.remove([pathOf(this.#segments[0])], { durable: true });
      this.#segments.shift();
    }
  }

  async close(): Promise<void> {
    await this.#current?.file.close();
    this.#current = null;
  }
}

function segmentKey({ crypto, keys }: Pick<JournalReading, "crypto" | "keys">, epoch: number): Uint8Array {
  const key = keys.key(epoch);
  if (key === null) throw new LogError("log-damaged", `Cannot read the journal: the key of epoch ${epoch} is missing`);
  return deriveKey(crypto, { purpose: "journal", key });
}

function pathOf(first: number): string {
  return `${FOLDER}/${String(first).padStart(16, "0")}`;
}

function damaged(name: string, why: string): LogError {
  return new LogError("log-damaged", `Cannot read journal segment ${name}: ${why}`);
}
