import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { obeyedBy, readGitConfig } from "../../sandbox/git-config.ts";
import { PlatformError } from "../platform-error.ts";

/** Bytes of one configuration file, files that include each other, entries that are looked at for repositories. */
const FILE_MOST = 1024 * 1024;
const FILES_MOST = 256;
const ENTRIES_MOST = 2_000_000;
/** Characters of all paths that one workspace may have closed so, and links on the way to one. */
const PATHS_MOST = 60_000;
const LINKS_MOST = 40;
/** The person's home: none where no variable names it and the user has no entry in the list of users, as git has none then. */
const HOMES = findHomes();
/** What every repository of a person obeys besides its own. */
const SHARED: readonly string[] = [
  "/etc/gitconfig",
  ...HOMES.flatMap((home) => [join(home, ".gitconfig"), join(home, ".config/git/config")]),
];

/** A repository: the folder that its files are in, and the folders with its own state and with what all its work trees share. */
interface Repository {
  readonly tree: string;
  readonly own: string;
  readonly common: string;
}

/**
 * Paths below a workspace, relative to it, that git obeys by the configuration of a repository in it or around it: folders
 * of hooks, files of settings, programs. Each with the links that lead there. What lies elsewhere is left out: no agent
 * writes there. `shared` are settings of every repository. Throws `git-configuration` when the workspace itself is one of them, or they are too many to be known.
 */
export async function findGitObeyed(workspace: string, shared: readonly string[] = SHARED): Promise<readonly string[]> {
  const obeyed = new Set<string>();
  for (const repository of await findRepositories(workspace)) {
    for (const path of await pathsOf(repository, { workspace, shared })) {
      for (const place of await placesOf(path)) {
        if (place === workspace) throw fault(workspace, "has git run what lies in the folder itself");
        if (place.startsWith(`${workspace}/`)) obeyed.add(place.slice(workspace.length + 1));
      }
    }
    if ([...obeyed].join(":").length > PATHS_MOST)
      throw fault(workspace, "has git obey more paths in the folder than are kept");
  }
  return [...obeyed].toSorted();
}

function findHomes(): readonly string[] {
  try {
    return [homedir()];
  } catch {
    return [];
  }
}

function fault(workspace: string, what: string): PlatformError {
  return new PlatformError(
    "git-configuration",
    `Cannot use workspace ${workspace}: its git configuration ${what}, and an agent would write there`,
    "git config --show-origin --get-regexp 'hookspath|path' shows it; name a folder of its own for hooks",
  );
}

/** Repositories in a folder at any depth, and those that it lies in. Nothing that is installed below `node_modules` is one. */
async function findRepositories(workspace: string): Promise<readonly Repository[]> {
  const found: Repository[] = [];
  for (let above = dirname(workspace); ; above = dirname(above)) {
    const names = (await lstat(join(above, ".git")).catch(() => null)) === null ? [] : [".git"];
    const repository = await repositoryAt(above, names);
    if (repository !== null) found.push(repository);
    if (above === dirname(above)) break;
  }
  const waiting = [workspace];
  let left = ENTRIES_MOST;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []); // whoever starts here said so already
    left -= entries.length;
    if (left < 0) throw fault(workspace, `is not known, as it holds more than ${ENTRIES_MOST} files`);
    const repository = await repositoryAt(
      folder,
      entries.map(({ name }) => name),
    );
    if (repository !== null) found.push(repository);
    for (const entry of entries)
      if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== ".git")
        waiting.push(join(folder, entry.name));
  }
  return found;
}

async function repositoryAt(tree: string, names: readonly string[]): Promise<Repository | null> {
  const isBare = ["HEAD", "objects", "config"].every((name) => names.includes(name));
  if (!isBare && !names.includes(".git")) return null;
  // As a file it says where the repository is: of a submodule, or of one more work tree.
  const elsewhere = isBare ? null : /^gitdir: *(.+?)\r?\n?$/su.exec(await readText(join(tree, ".git")))?.[1];
  const own = isBare ? tree : resolve(tree, elsewhere ?? ".git");
  const common = resolve(own, (await readText(join(own, "commondir"))).replace(/\r?\n$/, ""));
  return { tree, own, common };
}

/** What the settings of a repository name, absolute, wherever it is. */
async function pathsOf(
  { tree, own, common }: Repository,
  { workspace, shared }: { readonly workspace: string; readonly shared: readonly string[] },
): Promise<readonly string[]> {
  const paths: string[] = [];
  const waiting = [...shared, join(common, "config"), join(own, "config.worktree")];
  const seen = new Set(waiting);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const setting of readGitConfig(await readSettings(file, workspace))) {
      const found = obeyedBy(setting);
      if (found === null) continue;
      // Hooks of a push run in the repository's own folder, all others and all commands at the top of the files.
      const bases = { settings: [dirname(file)], hooks: [tree, own], command: [tree] }[found.kind];
      const named = found.kind === "command" ? found.paths : [found.path];
      const meant = named.flatMap((path) => bases.flatMap((base) => readings(path, { base, workspace })));
      paths.push(...meant);
      if (found.kind !== "settings") continue;
      for (const each of meant.filter((path) => !seen.has(path))) {
        seen.add(each);
        waiting.push(each);
      }
      if (seen.size > FILES_MOST) throw fault(workspace, `includes more than ${FILES_MOST} files`);
    }
  }
  return paths;
}

/** What a path may mean. Whose home `~` is is not known here, so that it is each folder that the workspace lies in. */
function readings(
  path: string,
  { base, workspace }: { readonly base: string; readonly workspace: string },
): readonly string[] {
  if (path === "") return [];
  const below = /^~[^/]*\/(.*)$/su.exec(path)?.[1];
  if (below === undefined) return [resolve(base, path)];
  const homes = [...HOMES];
  for (let home = workspace; home !== dirname(home); home = dirname(home)) homes.push(dirname(home));
  return homes.map((home) => resolve(home, below));
}

/** Where a path leads, and each link and folder-link on the way, which would lead elsewhere if it were another. */
async function placesOf(path: string): Promise<readonly string[]> {
  const places = [path];
  const names = path.split("/").toReversed();
  let [at, links] = ["/", 0];
  while (names.length > 0) {
    const name = names.pop() ?? "";
    if (name === "" || name === ".") continue;
    const next = name === ".." ? dirname(at) : join(at, name);
    const target = await readLinkAt(next);
    if (target === null) at = next;
    else {
      places.push(next);
      if (++links > LINKS_MOST) return places; // nobody comes there by it
      if (target.startsWith("/")) at = "/";
      names.push(...target.split("/").toReversed());
    }
  }
  return [...places, at];
}

async function readLinkAt(path: string): Promise<string | null> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : null;
  } catch {
    return null; // not there yet
  }
}

/** Settings that a person's git reads and we may not are known to nobody here; in the workspace an agent could have written them. */
async function readSettings(file: string, workspace: string): Promise<string> {
  try {
    return await readText(file);
  } catch {
    if (!file.startsWith(`${workspace}/`)) return "";
    throw fault(workspace, `is not known, as ${file} cannot be read`);
  }
}

/** The text of a file, empty when there is none. Never waits for a pipe. Throws when it cannot be read or is too large. */
async function readText(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw error;
  });
  if (handle === null) return "";
  try {
    const found = await handle.stat();
    if (!found.isFile()) return "";
    if (found.size > FILE_MOST) throw new Error("it is too large");
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
