import { isUtf8 } from "node:buffer";
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

/** What lies at a place below a folder. `bytes` null: it is longer than was asked for. */
export type FoundBytes =
  | { readonly kind: "file"; readonly size: number; readonly bytes: Uint8Array | null; readonly text: string | null }
  | { readonly kind: "nothing" | "link" | "no-file" | "unreadable" };

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** A pipe or a device must not hold up whoever opens it. */
const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const DEEPEST = 64;

/**
 * Looks at a file below a folder, one name after another from descriptor to descriptor, following no link: what is found lies
 * below that folder whatever is renamed meanwhile. Never throws; a name that has `/` in it, or leads up, is `unreadable`.
 * @param most of a longer file nothing is read, bytes.
 */
export async function findFile(
  folder: string,
  { names, most }: { readonly names: readonly string[]; readonly most: number },
): Promise<FoundBytes> {
  const last = names.at(-1);
  if (last === undefined || names.length > DEEPEST || names.some((name) => !isName(name)))
    return { kind: "unreadable" };
  const opened: FileHandle[] = [];
  try {
    let at = await open(folder, FOLDER);
    opened.push(at);
    for (const name of names.slice(0, -1)) {
      at = await open(`/proc/self/fd/${at.fd}/${name}`, FOLDER);
      opened.push(at);
    }
    const file = await open(`/proc/self/fd/${at.fd}/${last}`, FILE);
    opened.push(file);
    return await readRegular(file, most);
  } catch (error) {
    return { kind: kindOf(error) };
  } finally {
    await Promise.all(opened.map((handle) => handle.close().catch(() => {})));
  }
}

async function readRegular(file: FileHandle, most: number): Promise<FoundBytes> {
  const stats = await file.stat();
  if (!stats.isFile()) return { kind: "no-file" };
  if (stats.size > most) return { kind: "file", size: stats.size, bytes: null, text: null };
  const buffer = Buffer.alloc(most + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    length += bytesRead;
    // It grew while it was read.
    if (length > most) return { kind: "file", size: length, bytes: null, text: null };
    if (bytesRead === 0) break;
  }
  const bytes = buffer.subarray(0, length);
  const isText = isUtf8(bytes) && !bytes.includes(0);
  return { kind: "file", size: length, bytes, text: isText ? bytes.toString("utf8") : null };
}

function isName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/u.test(name);
}

/** With O_DIRECTORY a link in the way is ENOTDIR, as any file is; at the end it is ELOOP. */
function kindOf(error: unknown): Exclude<FoundBytes["kind"], "file"> {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "ENOENT") return "nothing";
  if (code === "ELOOP" || code === "ENOTDIR") return "link";
  return code === "ENXIO" || code === "EISDIR" ? "no-file" : "unreadable";
}
