import { nameText, refuse } from "./fault.ts";
import { readPaxHeader, type PaxHeader } from "./pax.ts";
import { readTarHeader, type TarHeader } from "./tar-header.ts";
import { Supply } from "./supply.ts";
import type { Unpacking } from "./unpack.ts";

const BLOCK = 512;
/** Longest pax header or long name. */
const MOST_HEADER = 64 * 1024;
/** Tools fill up to 10 KiB, or to what a tape took. */
const MOST_ZEROS = 1024 * 1024;

/** What was said of the next entry, by entries of its own. */
interface Said {
  readonly path: string | null;
  readonly size: number | null;
}
const NOTHING: Said = { path: null, size: null };

/**
 * Unpacks a tar (POSIX.1-2017 ustar and pax, and GNU's long names), regular files and folders only. With `strip` all of it
 * lies in one folder, which is left out, as npm packs. Two readings of an entry, by two sizes or two names, are none.
 */
export async function unpackTar(
  pieces: AsyncIterable<Uint8Array>,
  work: Unpacking & { readonly strip: boolean },
): Promise<void> {
  const supply = new Supply(pieces);
  const folder = work.strip ? new OneFolder() : null;
  let said = NOTHING;
  for (;;) {
    const block = await supply.exactly(BLOCK);
    if (block === null) return refuse("archive-malformed", "it ends without an end");
    if (block.every((byte) => byte === 0)) break;
    const header = readTarHeader(block);
    if (header.type === "pax" || header.type === "global" || header.type === "long-name") {
      said = await readSaid(supply, header, said);
      continue;
    }
    if (said.size !== null && said.size !== header.size) refuse("archive-malformed", `"${header.name}" has two sizes`);
    await unpackEntry(supply, { ...header, name: said.path ?? header.name }, { ...work, folder });
    said = NOTHING;
  }
  if (said !== NOTHING) refuse("archive-malformed", "its last header is of no entry");
  await expectEnd(supply);
}

/** The folder that everything lies in. */
class OneFolder {
  #name: string | null = null;

  /** What is left of a name within it; empty for the folder itself. */
  within(name: string): string {
    const [first = "", ...rest] = name.split("/");
    // Of what leads elsewhere it is said so, before anything is left out of it.
    if (first === "" || first === ".." || rest.includes("..")) refuse("archive-outside", `"${name}" leads elsewhere`);
    if (rest.length > 1 && rest[0] === "") refuse("archive-name", `"${name}" has more than one reading`);
    this.#name ??= first;
    if (first !== this.#name) refuse("archive-name", `"${name}" lies beside the folder "${this.#name}"`);
    return rest.join("/");
  }
}

async function readSaid(supply: Supply, { type, size }: TarHeader, said: Said): Promise<Said> {
  if (size > MOST_HEADER) refuse("archive-long", `a header of it has ${size} bytes`);
  const bytes = await supply.exactly(size);
  if (bytes === null || (await skipPadding(supply, size)) === null)
    return refuse("archive-malformed", "it is cut short");
  if (type === "global") {
    const { path, size: all } = readPaxHeader(bytes);
    if (path !== null || all !== null) refuse("archive-unsupported", "it says one name or size for all its entries");
    return said;
  }
  if (said !== NOTHING) refuse("archive-malformed", "an entry of it has two headers");
  if (type === "pax") {
    const read: PaxHeader = readPaxHeader(bytes);
    return { path: read.path, size: read.size };
  }
  const end = bytes.indexOf(0);
  return { path: nameText(end < 0 ? bytes : bytes.subarray(0, end)), size: null };
}

async function unpackEntry(
  supply: Supply,
  { type, name, size, executable }: TarHeader,
  work: Unpacking & { readonly folder: OneFolder | null },
): Promise<void> {
  if (type === "link") return refuse("archive-link", `"${name}" is a link`);
  if (type === "special")
    return refuse("archive-special", `"${name}" is a device, a pipe or another thing that is no file`);
  const isFolder = type === "folder";
  if (isFolder && size !== 0) refuse("archive-malformed", `the folder "${name}" has bytes`);
  const plain = isFolder ? name.replace(/\/$/u, "") : name;
  const within = work.folder === null ? plain : work.folder.within(plain);
  if (within === "" && isFolder) return;
  if (within === "") refuse("archive-name", `"${name}" lies in no folder`);
  const path = work.places.enter(within, isFolder ? "folder" : "file");
  if (isFolder) return;
  work.count(size);
  const file = work.target.make(path, { executable });
  try {
    for (let left = size; left > 0;) {
      const part = await supply.some(left);
      if (part.length === 0) return refuse("archive-malformed", "it is cut short");
      file.write(part);
      left -= part.length;
    }
  } finally {
    file.close();
  }
  if ((await skipPadding(supply, size)) === null) refuse("archive-malformed", "it is cut short");
}

function skipPadding(supply: Supply, size: number): Promise<Uint8Array | null> {
  return supply.exactly((BLOCK - (size % BLOCK)) % BLOCK);
}

/** After the first block of zeros there are at least one more, and only zeros. */
async function expectEnd(supply: Supply): Promise<void> {
  let zeros = 0;
  for (;;) {
    const part = await supply.some(64 * 1024);
    if (part.length === 0) break;
    if (part.some((byte) => byte !== 0)) refuse("archive-malformed", "there are bytes behind its end");
    zeros += part.length;
    if (zeros > MOST_ZEROS) refuse("archive-bomb", `behind its end there are more than ${MOST_ZEROS} zeros`);
  }
  if (zeros < BLOCK || zeros % BLOCK !== 0) refuse("archive-malformed", "its end is cut short");
}
