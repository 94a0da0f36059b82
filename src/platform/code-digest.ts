import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

/** More than any server we know needs; a folder over this is not one server's code. */
const MAX_FILES = 50_000;

/**
 * The content of some files and folders as one digest: `sha256:` over the sorted names, kinds, executable bits, link
 * targets and bytes of everything below them. Links are recorded, never followed. A byte that changes changes it.
 * Rejects when something cannot be read or there are more than 50,000 files.
 */
export async function digestCode(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  const budget = { left: MAX_FILES };
  for (const path of [...paths].toSorted()) {
    field(hash, path);
    await digestEntry(hash, path, budget);
  }
  return `sha256:${hash.digest("hex")}`;
}

async function digestEntry(hash: Hash, path: string, budget: { left: number }): Promise<void> {
  budget.left -= 1;
  if (budget.left < 0) throw new Error(`Cannot pin code: more than ${MAX_FILES} files`);
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) {
    field(hash, "link");
    field(hash, await readlink(path));
  } else if (stat.isDirectory()) {
    const names = (await readdir(path)).toSorted();
    field(hash, `folder ${names.length}`);
    for (const name of names) {
      field(hash, name);
      await digestEntry(hash, join(path, name), budget);
    }
  } else if (stat.isFile()) {
    field(hash, `file ${stat.size} ${(stat.mode & 0o111) === 0 ? "-" : "x"}`);
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  } else {
    throw new Error(`Cannot pin ${path}: it is neither a file, a folder nor a link`);
  }
}

/** Length first, so that no two different trees give the same bytes. */
function field(hash: Hash, text: string): void {
  const bytes = Buffer.from(text);
  hash.update(`${bytes.length}:`);
  hash.update(bytes);
}
