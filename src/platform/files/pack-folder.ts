import { constants } from "node:fs";
import { open, opendir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

const BLOCK = 512;
const CHUNK = 1024 * 1024;
const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Names that are read of one folder; whoever unpacks has a bound of its own. */
const MOST_NAMES = 50_000;
/** What tools of a person's keep beside the files: no part of what they share. */
const LEFT_OUT: ReadonlySet<string> = new Set([".git"]);

/**
 * Makes a tar (POSIX.1-2017 pax) of the files of a folder as this user sees them, sorted by name, without `.git`. A link or a
 * thing that is no file is an entry of its kind, so that whoever unpacks it says so. Throws an Error that says what cannot be read.
 */
export async function* packFolder(root: string): AsyncGenerator<Uint8Array> {
  yield* packBelow(root, "");
  yield new Uint8Array(2 * BLOCK);
}

async function* packBelow(folder: string, prefix: string): AsyncGenerator<Uint8Array> {
  const entries = [];
  for await (const entry of await reading(folder, () => opendir(folder))) {
    if (LEFT_OUT.has(entry.name)) continue;
    entries.push(entry);
    if (entries.length > MOST_NAMES) throw unreadable(folder, `it has more than ${MOST_NAMES} names`);
  }
  for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const name = `${prefix}${entry.name}`;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* packBelow(path, `${name}/`);
    else if (entry.isFile()) yield* packFile(path, name);
    else yield* header(name, { type: entry.isSymbolicLink() ? "2" : "6", size: 0, mode: 0o644 });
  }
}

async function* packFile(path: string, name: string): AsyncGenerator<Uint8Array> {
  const file: FileHandle = await reading(path, () => open(path, FILE));
  try {
    const { size, mode } = await file.stat();
    yield* header(name, { type: "0", size, mode: mode & 0o777 });
    for (let left = size; left > 0;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(CHUNK, left)));
      if (bytesRead === 0) throw unreadable(path, "it became shorter while it was read");
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    yield new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
  } finally {
    await file.close();
  }
}

interface Entry {
  readonly type: string;
  readonly size: number;
  readonly mode: number;
}

/** A header, and before it one with the whole name where that does not fit or is not ASCII. */
function* header(name: string, entry: Entry): Generator<Uint8Array> {
  if (Buffer.byteLength(name) > 100 || /[^ -~]/u.test(name)) {
    const record = paxRecord("path", name);
    yield block("pax", { type: "x", size: record.length, mode: 0o644 });
    yield record;
    yield new Uint8Array((BLOCK - (record.length % BLOCK)) % BLOCK);
    yield block("long", entry);
  } else yield block(name, entry);
}

/** `LENGTH KEY=VALUE\n`, the length counting its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length += 1;
  return Buffer.from(`${length}${rest}`);
}

function block(name: string, { type, size, mode }: Entry): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(name, 0);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(" ".repeat(8), 148);
  bytes.write(type, 156);
  bytes.write("ustar\u000000", 257, "latin1");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)} `, 148);
  return bytes;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unreadable(path, error instanceof Error && "code" in error ? String(error.code) : "it cannot be read");
  }
}

function unreadable(path: string, why: string): Error {
  return new Error(`Cannot read "${path}": ${why}`);
}
