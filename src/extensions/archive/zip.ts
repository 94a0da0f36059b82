import { ArchiveFault, refuse } from "./fault.ts";
import { rethrow } from "./gzip.ts";
import { readDirectory, type ZipEntry } from "./zip-directory.ts";
import type { Unpacking } from "./unpack.ts";

/**
 * Unpacks a zip (APPNOTE 6.3.10): stored or deflated, without encryption, in one part and of less than 4 GiB. The directory
 * and the data beside it say the same of each entry, the entries follow each other without gap or overlap from the first byte
 * on, and the directory follows them: no byte of it belongs to two, or to none that is checked.
 */
export async function unpackZip(archive: Uint8Array, work: Unpacking): Promise<void> {
  const entries = readDirectory(archive, work.bounds.entries);
  // All of it is judged before the first byte is written.
  const files = entries.flatMap((entry) => {
    if (entry.kind === "link") return refuse("archive-link", `"${entry.name}" is a link`);
    if (entry.kind === "special") return refuse("archive-special", `"${entry.name}" is no file`);
    if (entry.kind === "folder" && (entry.size !== 0 || entry.data.length !== 0))
      return refuse("archive-malformed", `the folder "${entry.name}" has bytes`);
    const plain = entry.kind === "folder" ? entry.name.replace(/\/$/u, "") : entry.name;
    const path = work.places.enter(plain, entry.kind);
    if (entry.kind === "folder") return [];
    work.count(entry.size);
    return [{ ...entry, path }];
  });
  const folder = skillFolder(files.map(({ path }) => path));
  for (const file of files) await unpackFile({ ...file, path: file.path.slice(folder.length) }, work);
}

/**
 * The one folder in which all of a packed skill lies, with the `/` after it; empty for every other tree. Names are judged with
 * it: what is no twin and leads nowhere there is none and leads nowhere without it.
 */
function skillFolder(paths: readonly string[]): string {
  const [first = ""] = paths;
  const folder = first.slice(0, first.indexOf("/") + 1);
  const is = (name: string): boolean => paths.includes(`${folder}${name}`);
  return folder !== "" && paths.every((path) => path.startsWith(folder)) && is("SKILL.md") && !is("manifest.json")
    ? folder
    : "";
}

async function unpackFile(file: ZipEntry & { readonly path: string }, work: Unpacking): Promise<void> {
  const { data, size, path } = file;
  const inflating = file.deflated ? work.inflate(data) : null;
  const made = work.target.make(path, { executable: file.executable });
  let left = size;
  let crc = 0;
  try {
    for await (const piece of inflating?.pieces ?? [data]) {
      left -= piece.length;
      if (left < 0) refuse("archive-bomb", `"${path}" is larger than it says`);
      crc = work.crc32(piece, crc);
      made.write(piece);
    }
  } catch (error) {
    if (error instanceof ArchiveFault) throw error;
    rethrow(error);
  } finally {
    made.close();
  }
  if (left !== 0 || crc !== file.crc || (inflating !== null && inflating.consumed() !== data.length))
    refuse("archive-malformed", `"${path}" is not what its entry says`);
}
