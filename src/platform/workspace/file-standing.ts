import { existsSync, opendirSync, type Dirent, type Stats } from "node:fs";
import { foldName, standingOf, type EntryKind } from "../../sandbox/control-names.ts";

/** Entries of a folder that are looked at before it moves. */
const TREE_MOST = 100_000;

/** Something in a guarded root: its path as the sandbox sees it, bytes as characters. */
export interface Placed {
  readonly path: string;
  readonly root: string;
  /** Control files that may be changed, by folded name. */
  readonly opened: ReadonlySet<string>;
  /** Paths below the root that git obeys by its configuration. */
  readonly obeyed: readonly string[];
}

export interface Whole extends Placed {
  readonly found: Stats;
}

/** Why something may not be changed or put there, null when it may. */
export function controlReason({ path, root, opened, obeyed }: Placed, entry: EntryKind): string | null {
  const standing = standingOf(textOf(path.slice(root.length + 1)), { entry, opened, obeyed });
  if (standing.kind === "control") return standing.why;
  // Whoever may make repositories may make them in any form.
  return !opened.has(".git") && isInBareRepository(path) ? "git runs what it says" : null;
}

/** Whether what stood below it would be a control file by its place. */
export function isAboveControl({ path, root, opened, obeyed }: Placed): boolean {
  return standingOf(textOf(path.slice(root.length + 1)), { entry: "folder", opened, obeyed }).kind === "above";
}

const BARE = new Set(["hooks", "config", "config.lock", "config.worktree", "commondir"]);
const ALTERNATES = new Set(["alternates", "alternates.lock", "http-alternates"]);

/** A repository without a working tree has any name: it is told by what lies beside its configuration. */
function isInBareRepository(path: string): boolean {
  const [folder, name] = split(path);
  if (BARE.has(foldName(textOf(name))) && isRepository(folder)) return true;
  const [above, last] = split(folder);
  if (foldName(textOf(last)) === "hooks") return isRepository(above);
  return ALTERNATES.has(foldName(textOf(name))) && isRepository(split(above)[0]);
}

function isRepository(folder: string): boolean {
  return existsSync(bytesOf(`${folder}/HEAD`)) && existsSync(bytesOf(`${folder}/objects`));
}

/** Why a folder may not move: something in it is a control file, or would be one where it goes, or cannot be known. */
export function treeReason(way: {
  readonly from: Placed;
  readonly to: Placed;
}): { readonly path: string; readonly why: string } | null {
  try {
    return findControl(way);
  } catch {
    return { path: way.from.path, why: "it cannot be looked through" };
  }
}

function findControl({
  from,
  to,
}: {
  readonly from: Placed;
  readonly to: Placed;
}): { readonly path: string; readonly why: string } | null {
  let left = TREE_MOST;
  const waiting = [""];
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    for (const entry of entriesOf(`${from.path}${below}`)) {
      left -= 1;
      if (left < 0) return { path: from.path, why: "it holds too much to be looked through" };
      const inner = `${below}/${entry.name}`;
      const kind = entry.isDirectory() ? "folder" : "other";
      for (const top of [from, to]) {
        const placed = { ...top, path: `${top.path}${inner}` };
        const why = controlReason(placed, kind);
        if (why !== null) return { path: placed.path, why };
      }
      if (kind === "folder") waiting.push(inner);
    }
  }
  return null;
}

function* entriesOf(path: string): Generator<Dirent> {
  const folder = opendirSync(bytesOf(path), { encoding: "latin1" });
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) yield entry;
  } finally {
    folder.closeSync();
  }
}

function split(path: string): readonly [string, string] {
  const cut = path.lastIndexOf("/");
  return [path.slice(0, Math.max(0, cut)), path.slice(cut + 1)];
}

function textOf(path: string): string {
  return /^[\x20-\x7e]*$/.test(path) ? path : Buffer.from(path, "latin1").toString("utf8");
}

function bytesOf(path: string): Buffer {
  return Buffer.from(path, "latin1");
}
