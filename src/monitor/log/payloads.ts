import type { LogFiles } from "../../platform/log/log-powers.ts";
import { LogError } from "./error.ts";

/**
 * Sealed payloads of records that have left the journal: one file for each segment, named by its first record in 16
 * digits. A file is the number of its first record (8 bytes), the count (4), a length for each record (4 each, 0 for no
 * payload), and the sealed payloads one after another. All integers are big-endian.
 */
export interface Payloads {
  /** Writes the file of a segment, durably. `from` must be where the last one ended. */
  write(from: number, sealed: readonly (Uint8Array | null)[]): Promise<void>;
  /** Sealed payloads of the records from `from` up to but excluding `to`; null where there is none. */
  read(from: number, to: number): Promise<readonly (Uint8Array | null)[]>;
}

const FOLDER = "payload";
const HEAD_BYTES = 12;
const LENGTH_BYTES = 4;
/** Payloads are read together up to this many bytes. */
const READ_BYTES = 4 * 1024 * 1024;

interface Index {
  readonly first: number;
  /** Where each record's payload begins in the file, and after them where the last one ends. */
  readonly offsets: readonly number[];
}

/** Opens the payload files of a log whose journal begins at `size`; files from there on are left over and ignored. */
export async function openPayloads(files: LogFiles, size: number): Promise<Payloads> {
  const starts = (await files.list(FOLDER))
    .filter((name) => /^[0-9]{16}$/.test(name))
    .map(Number)
    .filter((first) => first < size);
  let cached: Index | null = null;

  return {
    async write(from, sealed) {
      if (sealed.length === 0) return;
      await files.write([{ path: pathOf(from), bytes: encode(from, sealed) }], { durable: true });
      cached = null;
      if (starts.at(-1) !== from) starts.push(from);
    },
    async read(from, to) {
      const found: (Uint8Array | null)[] = [];
      while (from + found.length < to) found.push(...(await readSome(from + found.length, to)));
      return found;
    },
  };

  /** At least one payload from `from` on, all from one file. */
  async function readSome(from: number, to: number): Promise<readonly (Uint8Array | null)[]> {
    const index = await indexOf(from);
    const { first, offsets } = index;
    const begin = offsets[from - first] ?? 0;
    let end = from + 1;
    while (end < to && end - first + 1 < offsets.length && (offsets[end - first + 1] ?? 0) - begin <= READ_BYTES)
      end += 1;
    const length = (offsets[end - first] ?? begin) - begin;
    const bytes = length === 0 ? new Uint8Array(0) : await files.readRange(pathOf(first), { offset: begin, length });
    if (bytes?.length !== length) throw damaged(first);
    return Array.from({ length: end - from }, (_, at) => {
      const [start = 0, stop = 0] = [offsets[from - first + at], offsets[from - first + at + 1]];
      return start === stop ? null : bytes.subarray(start - begin, stop - begin);
    });
  }

  async function indexOf(seq: number): Promise<Index> {
    if (cached !== null && seq >= cached.first && seq < cached.first + cached.offsets.length - 1) return cached;
    const first = starts.findLast((start) => start <= seq);
    if (first === undefined) throw damaged(seq);
    const head = await files.readRange(pathOf(first), { offset: 0, length: HEAD_BYTES });
    if (head?.length !== HEAD_BYTES) throw damaged(first);
    const view = new DataView(head.buffer, head.byteOffset);
    const count = view.getUint32(8);
    const table = await files.readRange(pathOf(first), { offset: HEAD_BYTES, length: count * LENGTH_BYTES });
    if (Number(view.getBigUint64(0)) !== first || table?.length !== count * LENGTH_BYTES) throw damaged(first);
    if (seq >= first + count) throw damaged(seq);
    const lengths = new DataView(table.buffer, table.byteOffset);
    const offsets = [HEAD_BYTES + table.length];
    for (let at = 0; at < count; at += 1) offsets.push((offsets[at] ?? 0) + lengths.getUint32(at * LENGTH_BYTES));
    cached = { first, offsets };
    return cached;
  }
}

function encode(from: number, sealed: readonly (Uint8Array | null)[]): Uint8Array {
  const table = HEAD_BYTES + sealed.length * LENGTH_BYTES;
  const bytes = new Uint8Array(sealed.reduce((size, payload) => size + (payload?.length ?? 0), table));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(from));
  view.setUint32(8, sealed.length);
  let at = table;
  for (const [place, payload] of sealed.entries()) {
    if (payload === null) continue;
    view.setUint32(HEAD_BYTES + place * LENGTH_BYTES, payload.length);
    bytes.set(payload, at);
    at += payload.length;
  }
  return bytes;
}

function pathOf(first: number): string {
  return `${FOLDER}/${String(first).padStart(16, "0")}`;
}

function damaged(seq: number): LogError {
  return new LogError("log-damaged", `Cannot read the payload of record ${seq}: its file is missing or cut`);
}
