import { nameText, refuse } from "./fault.ts";

/** An entry of a zip, with its data as it lies there. */
export interface ZipEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "special";
  readonly executable: boolean;
  readonly deflated: boolean;
  readonly crc: number;
  /** Bytes when it is unpacked, as it says. */
  readonly size: number;
  readonly data: Uint8Array;
}

const END = { signature: 0x06054b50, length: 22, comment: 65_535 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const LOCAL = { signature: 0x04034b50, length: 30 };
const DESCRIPTOR = { signature: 0x08074b50 };
/** General purpose bits: sizes follow the data; the name is UTF-8. 1 and 2 are how hard it was compressed. */
const [SIZES_FOLLOW, IS_UTF8, HARDNESS] = [0x0008, 0x0800, 0x0006];
const [STORED, DEFLATED] = [0, 8];
/** Extra fields that would give an entry another name or another size. */
const [ZIP64, UNICODE_PATH] = [0x0001, 0x7075];
const UNIX = 3;
const [FORMAT, FOLDER, FILE, LINK] = [0o170000, 0o040000, 0o100000, 0o120000];
const LARGE = 0xffffffff;

interface Central extends Omit<ZipEntry, "data" | "name"> {
  readonly rawName: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly packed: number;
  readonly offset: number;
}

/** Reads the directory and finds the data of every entry. Throws ArchiveFault. */
export function readDirectory(archive: Uint8Array, most: number): readonly ZipEntry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  const [size, start] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
  if (view.getUint16(end + 4, true) !== 0 || view.getUint16(end + 6, true) !== 0)
    refuse("archive-unsupported", "it is a part of several");
  if (count === 0xffff || size === LARGE || start === LARGE) refuse("archive-unsupported", "it is a ZIP64");
  if (count !== view.getUint16(end + 8, true) || start + size !== end)
    refuse("archive-malformed", "its directory is not where it says");
  if (count > most) refuse("archive-too-many", `it has ${count} entries`);
  const centrals: Central[] = [];
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const { entry, next } = readCentral(view, at, end);
    centrals.push(entry);
    at = next;
  }
  if (at !== end) refuse("archive-malformed", "its directory has more than its entries");
  return locate(view, centrals, start);
}

/** The one place that can be its end: a comment could hold another. */
function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - END.length - END.comment);
  let found = -1;
  for (let at = view.byteLength - END.length; at >= first; at -= 1) {
    if (view.getUint32(at, true) !== END.signature) continue;
    if (found >= 0) return refuse("archive-malformed", "it has two ends");
    if (at + END.length + view.getUint16(at + 20, true) !== view.byteLength)
      return refuse("archive-malformed", "there are bytes behind its end");
    found = at;
  }
  return found >= 0 ? found : refuse("archive-malformed", "it is no zip, or is cut short");
}

function readCentral(view: DataView, at: number, end: number): { entry: Central; next: number } {
  if (at + CENTRAL.length > end || view.getUint32(at, true) !== CENTRAL.signature)
    return refuse("archive-malformed", "its directory is cut short");
  const short = (field: number): number => view.getUint16(at + field, true);
  const long = (field: number): number => view.getUint32(at + field, true);
  const [nameLength, extraLength] = [short(28), short(30)];
  const nameAt = at + CENTRAL.length;
  const next = nameAt + nameLength + extraLength + short(32);
  if (next > end) return refuse("archive-malformed", "its directory is cut short");
  checkExtra(view, nameAt + nameLength, extraLength);
  const rawName = bytesAt(view, nameAt, nameLength);
  const madeBy = view.getUint8(at + 5);
  const mode = madeBy === UNIX ? short(40) : 0;
  const [packed, size, offset] = [long(20), long(24), long(42)];
  if ([packed, size, offset].includes(LARGE)) return refuse("archive-unsupported", "it is a ZIP64");
  const method = short(10);
  if (method !== STORED && method !== DEFLATED)
    return refuse("archive-unsupported", `it is packed by method ${method}`);
  const flags = short(8);
  if ((flags & ~(SIZES_FOLLOW | IS_UTF8 | HARDNESS)) !== 0)
    return refuse("archive-unsupported", "it is encrypted, or patched");
  const entry = {
    rawName,
    flags,
    method,
    packed,
    offset,
    size,
    deflated: method === DEFLATED,
    crc: long(16),
    kind: kindOf(mode, rawName.at(-1) === 0x2f),
    executable: (mode & 0o111) !== 0,
  };
  return { entry, next };
}

function kindOf(mode: number, slash: boolean): ZipEntry["kind"] {
  const format = mode & FORMAT;
  if (format === LINK) return "link";
  if (format !== 0 && format !== FILE && format !== FOLDER) return "special";
  if ((format === FOLDER && !slash) || (format === FILE && slash))
    return refuse("archive-malformed", "an entry of it is a file and a folder");
  return slash ? "folder" : "file";
}

/** Finds each entry's data, which must follow each other from the first byte to the directory. */
function locate(view: DataView, centrals: readonly Central[], directory: number): readonly ZipEntry[] {
  const ordered = centrals.toSorted((left, right) => left.offset - right.offset);
  let expected = 0;
  return ordered.map(({ rawName, flags, method, packed, offset, ...entry }, index) => {
    // None lies behind the directory, so that nothing is read where there is nothing.
    const limit = Math.min(ordered[index + 1]?.offset ?? directory, directory);
    const name = decodeName(rawName, flags);
    if (offset !== expected) refuse("archive-malformed", `"${name}" overlaps another entry, or does not follow it`);
    const from = readLocal(view, offset, { rawName, flags, method, packed, size: entry.size, crc: entry.crc, limit });
    const end = from + packed;
    expected = (flags & SIZES_FOLLOW) === 0 ? end : skipDescriptor(view, end, { ...entry, packed, limit });
    if (expected !== limit) refuse("archive-malformed", `behind "${name}" there are bytes of no entry`);
    return { ...entry, name, data: bytesAt(view, from, packed) };
  });
}

/** Compares the header beside the data with the directory's; where the data begins. */
function readLocal(
  view: DataView,
  at: number,
  central: Pick<Central, "rawName" | "flags" | "method" | "packed" | "size" | "crc"> & { readonly limit: number },
): number {
  if (at + LOCAL.length > central.limit || view.getUint32(at, true) !== LOCAL.signature) return differs();
  const [nameLength, extraLength] = [view.getUint16(at + 26, true), view.getUint16(at + 28, true)];
  const from = at + LOCAL.length + nameLength + extraLength;
  if (from + central.packed > central.limit || nameLength !== central.rawName.length) return differs();
  const name = bytesAt(view, at + LOCAL.length, nameLength);
  if (name.some((byte, index) => byte !== central.rawName[index])) return differs();
  checkExtra(view, at + LOCAL.length + nameLength, extraLength);
  if (view.getUint16(at + 6, true) !== central.flags || view.getUint16(at + 8, true) !== central.method)
    return differs();
  const said = [view.getUint32(at + 14, true), view.getUint32(at + 18, true), view.getUint32(at + 22, true)];
  const zeros = (central.flags & SIZES_FOLLOW) !== 0 && said.every((value) => value === 0);
  const same = said[0] === central.crc && said[1] === central.packed && said[2] === central.size;
  return zeros || same ? from : differs();
}

function differs(): never {
  return refuse("archive-malformed", "its directory and its entries say different things");
}

/** What follows the data where its head did not know the sizes: with or without a signature, by what comes after it. */
function skipDescriptor(
  view: DataView,
  at: number,
  {
    crc,
    packed,
    size,
    limit,
  }: { readonly crc: number; readonly packed: number; readonly size: number; readonly limit: number },
): number {
  const signed = limit - at === 16 && view.getUint32(at, true) === DESCRIPTOR.signature;
  const from = signed ? at + 4 : at;
  const fits =
    from + 12 === limit &&
    view.getUint32(from, true) === crc &&
    view.getUint32(from + 4, true) === packed &&
    view.getUint32(from + 8, true) === size;
  return fits ? limit : refuse("archive-malformed", "the sizes behind an entry are not those of the directory");
}

/** Refuses the extra fields that give an entry another name or size; the others are times and owners. */
function checkExtra(view: DataView, from: number, length: number): void {
  const end = from + length;
  let at = from;
  while (at + 4 <= end) {
    const id = view.getUint16(at, true);
    if (id === ZIP64 || id === UNICODE_PATH) refuse("archive-unsupported", "an entry of it has a second name or size");
    at += 4 + view.getUint16(at + 2, true);
  }
  if (at !== end) refuse("archive-malformed", "an extra field of it is cut short");
}

/** UTF-8 where the entry says so, else ASCII: what other bytes mean depends on who looks. */
function decodeName(bytes: Uint8Array, flags: number): string {
  if ((flags & IS_UTF8) === 0 && bytes.some((byte) => byte > 0x7e))
    return refuse("archive-name", "a name of it is in no known encoding");
  return nameText(bytes);
}

function bytesAt(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}
