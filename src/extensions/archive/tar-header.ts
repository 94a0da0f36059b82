import { nameText, refuse } from "./fault.ts";

/** One header block, as far as it matters here. */
export interface TarHeader {
  readonly type: "file" | "folder" | "link" | "special" | "pax" | "global" | "long-name";
  readonly name: string;
  readonly size: number;
  readonly executable: boolean;
}

const TYPES: { readonly [flag: string]: TarHeader["type"] } = {
  "0": "file",
  "\0": "file",
  "1": "link",
  "2": "link",
  "3": "special",
  "4": "special",
  "5": "folder",
  "6": "special",
  x: "pax",
  g: "global",
  L: "long-name",
  // The long name of a link, which is refused one header earlier so.
  K: "link",
};
/** Where things stand in a block (POSIX.1-2017, ustar). */
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const SIZE = [124, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = 156;
const MAGIC = [257, 8] as const;
const PREFIX = [345, 155] as const;

/** Reads a header block of 512 bytes. Throws ArchiveFault. */
export function readTarHeader(block: Uint8Array): TarHeader {
  if (octal(block, CHECKSUM) !== checksum(block)) refuse("archive-malformed", "the checksum of a header does not fit");
  const magic = String.fromCharCode(...at(block, MAGIC));
  if (magic !== "ustar\u000000" && magic !== "ustar  \0") refuse("archive-unsupported", "it is older than ustar");
  const flag = String.fromCharCode(block[TYPE] ?? 0);
  const type = TYPES[flag];
  if (type === undefined) return refuse("archive-unsupported", `an entry of it is of the kind ${JSON.stringify(flag)}`);
  const name = text(block, NAME);
  // GNU keeps times where POSIX has the first part of a path.
  const prefix = magic.startsWith("ustar\0") ? text(block, PREFIX) : "";
  return {
    type,
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: octal(block, SIZE),
    executable: (octal(block, MODE) & 0o111) !== 0,
  };
}

/** The sum of all bytes, those of the sum itself taken for spaces. */
function checksum(block: Uint8Array): number {
  const [from, length] = CHECKSUM;
  return block.reduce((sum, byte, index) => sum + (index >= from && index < from + length ? 0x20 : byte), 0);
}

function at(block: Uint8Array, [from, length]: readonly [number, number]): Uint8Array {
  return block.subarray(from, from + length);
}

function octal(block: Uint8Array, place: readonly [number, number]): number {
  const digits = String.fromCharCode(...at(block, place))
    .replace(/^ +/u, "")
    .replace(/[ \0]+$/u, "");
  // The other notation, with its high bit set, is for more than 8 GiB.
  if (!/^[0-7]{0,12}$/u.test(digits)) return refuse("archive-malformed", "a number of it is none");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function text(block: Uint8Array, place: readonly [number, number]): string {
  const bytes = at(block, place);
  const end = bytes.indexOf(0);
  return nameText(end < 0 ? bytes : bytes.subarray(0, end));
}
