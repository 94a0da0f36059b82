import { crc32, deflateRawSync, gzipSync } from "node:zlib";

const BLOCK = 512;

/** An entry of a tar as a test wants it, right or wrong. */
export interface TarPart {
  readonly name: string | Buffer;
  readonly body?: string | Buffer;
  /** A type flag; a file when left out. */
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
  /** What the header says when that is not how long the body is. */
  readonly size?: number;
  /** Put over the header before its checksum is made. */
  readonly over?: { readonly [offset: number]: string };
  readonly checksum?: number;
  readonly prefix?: string;
}

/** A tar of these parts, and its end. */
export function makeTar(parts: readonly TarPart[], end: Buffer = Buffer.alloc(2 * BLOCK)): Buffer {
  return Buffer.concat([...parts.flatMap(tarEntry), end]);
}

/** The same, as npm packs. */
export function makeTgz(parts: readonly TarPart[]): Buffer {
  return gzipSync(makeTar(parts));
}

function tarEntry(part: TarPart): readonly Buffer[] {
  const body = Buffer.from(part.body ?? "");
  const header = Buffer.alloc(BLOCK);
  Buffer.from(part.name).copy(header, 0, 0, 100);
  header.write(`${(part.mode ?? 0o644).toString(8).padStart(7, "0")}\0`, 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${(part.size ?? body.length).toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write(part.type ?? "0", 156, "latin1");
  header.write(part.link ?? "", 157);
  header.write("ustar\u000000", 257, "latin1");
  header.write(part.prefix ?? "", 345);
  for (const [offset, text] of Object.entries(part.over ?? {})) header.write(text, Number(offset), "latin1");
  header.write(" ".repeat(8), 148);
  const sum = part.checksum ?? header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)];
}

/** A pax header with these records, for the entry after it. */
export function pax(records: { readonly [key: string]: string }, type: "x" | "g" = "x"): TarPart {
  const body = Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      const bytes = Buffer.byteLength(rest);
      const digits = String(bytes + String(bytes).length).length;
      return Buffer.from(`${bytes + digits}${rest}`);
    }),
  );
  return { name: "pax", type, body };
}

/** A gzip that unpacks to about so many mebibytes of zeros behind `head`, made without doing that. */
export function makeGzipBomb(head: Buffer, mebibytes: number): Buffer {
  const zeros = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: 3 });
  const first = deflateRawSync(head, { finishFlush: 3 });
  const end = deflateRawSync(Buffer.alloc(0));
  const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
  return Buffer.concat([gzipHeader, first, ...Array.from({ length: mebibytes }, () => zeros), end, Buffer.alloc(8)]);
}

/** An entry of a zip as a test wants it, right or wrong. */
export interface ZipPart {
  readonly name: string | Buffer;
  readonly body?: string | Buffer;
  /** Stored when left out. */
  readonly deflated?: boolean;
  /** Unix mode with its format bits. */
  readonly mode?: number;
  readonly flags?: number;
  readonly method?: number;
  /** What the directory says of its size, or the header beside the data. */
  readonly size?: number;
  readonly localSize?: number;
  readonly crc?: number;
  /** What the header beside the data calls it. */
  readonly localName?: string;
  /** Sizes follow the data. */
  readonly descriptor?: boolean;
  readonly extra?: Buffer;
  /** Where the directory says that it lies. */
  readonly offset?: number;
}

/** A zip of these parts. */
export function makeZip(
  parts: readonly ZipPart[],
  around: { readonly before?: Buffer; readonly gap?: Buffer; readonly comment?: Buffer; readonly count?: number } = {},
): Buffer {
  const locals: Buffer[] = [around.before ?? Buffer.alloc(0)];
  const centrals: Buffer[] = [];
  let offset = locals[0]?.length ?? 0;
  for (const part of parts) {
    const made = zipEntry(part, part.offset ?? offset);
    locals.push(made.local);
    centrals.push(made.central);
    offset += made.local.length;
  }
  const gap = around.gap ?? Buffer.alloc(0);
  const directory = Buffer.concat(centrals);
  const comment = around.comment ?? Buffer.alloc(0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(around.count ?? parts.length, 8);
  end.writeUInt16LE(around.count ?? parts.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset + gap.length, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, gap, directory, end, comment]);
}

function zipEntry(part: ZipPart, offset: number): { readonly local: Buffer; readonly central: Buffer } {
  const body = Buffer.from(part.body ?? "");
  const data = part.deflated === true ? deflateRawSync(body) : body;
  const method = part.method ?? (part.deflated === true ? 8 : 0);
  const flags = (part.flags ?? 0x0800) | (part.descriptor === true ? 8 : 0);
  const crc = part.crc ?? crc32(body);
  const size = part.size ?? body.length;
  const extra = part.extra ?? Buffer.alloc(0);
  const name = Buffer.from(part.name);
  const localName = Buffer.from(part.localName ?? part.name);
  const known = part.descriptor === true ? 0 : 1;
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(flags, 6);
  local.writeUInt16LE(method, 8);
  local.writeUInt32LE(known * crc, 14);
  local.writeUInt32LE(known * data.length, 18);
  local.writeUInt32LE(known * (part.localSize ?? size), 22);
  local.writeUInt16LE(localName.length, 26);
  local.writeUInt16LE(extra.length, 28);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(0x0314, 4);
  central.writeUInt16LE(20, 6);
  central.writeUInt16LE(flags, 8);
  central.writeUInt16LE(method, 10);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(data.length, 20);
  central.writeUInt32LE(size, 24);
  central.writeUInt16LE(name.length, 28);
  central.writeUInt16LE(extra.length, 30);
  central.writeUInt32LE(((part.mode ?? 0o100644) << 16) >>> 0, 38);
  central.writeUInt32LE(offset, 42);
  const descriptor = Buffer.alloc(part.descriptor === true ? 16 : 0);
  if (part.descriptor === true) {
    descriptor.writeUInt32LE(0x08074b50, 0);
    descriptor.writeUInt32LE(crc, 4);
    descriptor.writeUInt32LE(data.length, 8);
    descriptor.writeUInt32LE(size, 12);
  }
  return {
    local: Buffer.concat([local, localName, extra, data, descriptor]),
    central: Buffer.concat([central, name, extra]),
  };
}
