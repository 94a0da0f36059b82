import type { ArchiveForm } from "../../protocol/extension-order.ts";
import { BOUNDS, mostUnpacked, type Bounds } from "./bounds.ts";
import { refuse } from "./fault.ts";
import { gunzip } from "./gzip.ts";
import { Places } from "./places.ts";
import { unpackTar } from "./tar.ts";
import { unpackZip } from "./zip.ts";

/** Where files go. Folders are made as files need them; a folder without files is none. */
export interface Target {
  /** Makes a file that is not there yet. `path` was checked: below the folder, segments joined by `/`. */
  make(path: string, options: { readonly executable: boolean }): { write(bytes: Uint8Array): void; close(): void };
}

/** Raw deflate (RFC 1951) that goes on while it is read. The iteration throws when the data is malformed or cut short. */
export interface Inflating {
  readonly pieces: AsyncIterable<Uint8Array>;
  /** After the end: bytes of the input that were part of it. */
  consumed(): number;
}

export interface UnpackParts {
  readonly target: Target;
  inflate(deflated: Uint8Array): Inflating;
  /** CRC-32 (RFC 1952) of bytes after others whose CRC is `before`. */
  crc32(bytes: Uint8Array, before: number): number;
  /** Those of `bounds.ts` when left out. */
  readonly bounds?: Bounds;
}

/** What a reader of one form works with. */
export interface Unpacking extends UnpackParts {
  readonly bounds: Bounds;
  readonly places: Places;
  /** Counts bytes before they are written. Throws ArchiveFault. */
  count(bytes: number): void;
}

/** What came of it. */
export interface Unpacked {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Unpacks an archive, or refuses it as a whole: there is one reading of it or none. Memory is that of the archive and of one
 * piece; time grows with what is unpacked, which is bounded. Throws ArchiveFault.
 */
export async function unpack(archive: Uint8Array, form: ArchiveForm, parts: UnpackParts): Promise<Unpacked> {
  const bounds = parts.bounds ?? BOUNDS;
  if (archive.length > bounds.archive) refuse("archive-too-large", `it has more than ${bounds.archive} bytes`);
  if (archive.length === 0) refuse("archive-malformed", "it is empty");
  const most = mostUnpacked(archive.length, bounds);
  let files = 0;
  let bytes = 0;
  const work: Unpacking = {
    ...parts,
    bounds,
    places: new Places(bounds),
    target: {
      make(path, options) {
        files += 1;
        return parts.target.make(path, options);
      },
    },
    count(more) {
      bytes += more;
      if (more > bounds.file || bytes > bounds.total)
        refuse("archive-too-large", `it unpacks to more than ${bounds.total} bytes, or a file of it to ${bounds.file}`);
      if (bytes > most) refuse("archive-bomb", `of its ${archive.length} bytes it makes more than ${most}`);
    },
  };
  if (form === "zip") await unpackZip(archive, work);
  else if (form === "tar") await unpackTar(once(archive), { ...work, strip: false });
  // Each entry of a tar has a block of its own and fills up its last one, which are no bytes of files.
  else await unpackTar(gunzip(archive, { ...work, most: most + bounds.entries * 1024 }), { ...work, strip: true });
  if (files === 0) refuse("archive-malformed", "there is no file in it");
  return { files, bytes };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
