import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Files that are read of one repository; what a larger one has more of is found to be new later, which is said too often. */
const FILES_MOST = 10_000;
const FILE_BYTES = 16 * 1024 * 1024;
/** The name of an object at the beginning of a line, in SHA-1 or SHA-256. */
const OBJECT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?(?=\s|$)/gmu;

/**
 * The objects that the references of the repository at the top of a folder name, and the heads of its work trees: none where
 * there is no repository, or where it lies outside of the folder. Never rejects; what cannot be read is left out.
 */
export async function readGitTips(folder: string): Promise<readonly string[]> {
  const git = join(folder, ".git");
  const top = await lstat(git).catch(() => null);
  if (top?.isDirectory() !== true) return [];
  const tips = new Set<string>();
  const waiting = [join(git, "HEAD"), join(git, "packed-refs"), join(git, "refs"), join(git, "worktrees")];
  let left = FILES_MOST;
  for (let path = waiting.pop(); path !== undefined && left-- > 0; path = waiting.pop()) {
    const found = await lstat(path).catch(() => null);
    if (found?.isDirectory() === true)
      for (const name of await readdir(path).catch(() => [])) waiting.push(join(path, name));
    else if (found?.isFile() === true && found.size <= FILE_BYTES)
      for (const [tip] of (await readPlain(path)).matchAll(OBJECT)) tips.add(tip);
  }
  return [...tips];
}

async function readPlain(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(() => null);
  if (handle === null) return "";
  try {
    return await handle.readFile("latin1");
  } catch {
    return "";
  } finally {
    await handle.close();
  }
}
