import { readdirSync } from "node:fs";
import { COPY } from "./shared-file.ts";
import { findAt, type UndoFound, type UndoHands } from "./undo-hands.ts";
import { isOutOfReach } from "./undo-store.ts";

/** A place by the name that it has on the disk; `real` when what is there now stands there. */
interface Where {
  readonly key: string;
  readonly real: boolean;
}

/** How names in one folder are other than on the disk. */
interface Names {
  readonly come: Set<string>;
  readonly gone: Set<string>;
}

/**
 * Hands that only imagine what they do, so that a dry look takes the very steps of undoing and says what would come of them:
 * what a step finds is what those before it would have left. Nothing is changed.
 */
export function imagineUndoHands(made: ReadonlySet<string>): UndoHands {
  const moves: { readonly from: string; readonly to: string }[] = [];
  const known = new Map<string, UndoFound | null>();
  const folders = new Map<string, Names>();
  let inodes = 0;

  function whereIs(path: string): Where {
    let key = path;
    let real = true;
    for (let at = moves.length - 1; at >= 0; at--) {
      const { from, to } = moves[at] ?? { from: "", to: "" };
      if (isIn(key, to)) key = from + key.slice(to.length);
      else if (isIn(key, from)) {
        // What stood there went away, and nothing on the disk has this place.
        key = `\0${at}${key}`;
        real = false;
      }
    }
    return { key, real };
  }

  function find(path: string, meant: "something" | "nothing"): UndoFound | undefined {
    const { key, real } = whereIs(path);
    const imagined = known.get(key);
    if (imagined !== undefined) return imagined ?? undefined;
    if (!real) return undefined;
    try {
      return findAt(key);
    } catch (error) {
      if (!isOutOfReach(error) || !isOpened(key)) throw error;
      // A copy has its place by now, and its own name is gone.
      return meant === "something" && !split(key)[1].startsWith(COPY)
        ? { kind: "file", mode: -1, size: -1, mtimeNs: "", inode: "" }
        : undefined;
    }
  }

  /** Whether undoing would give back the rights of a folder above it. */
  function isOpened(path: string): boolean {
    for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1))
      if (made.has(path.slice(0, end))) return true;
    return false;
  }

  function namesIn(path: string): Names {
    const { key } = whereIs(path);
    const names = folders.get(key) ?? { come: new Set(), gone: new Set() };
    folders.set(key, names);
    return names;
  }

  function come(path: string): void {
    const [above, name] = split(path);
    const { come: come_, gone } = namesIn(above);
    come_.add(name);
    gone.delete(name);
  }

  function go(path: string): void {
    const [above, name] = split(path);
    const { come: come_, gone } = namesIn(above);
    come_.delete(name);
    gone.add(name);
  }

  function put(path: string, found: Omit<UndoFound, "inode">): void {
    const above = find(split(path)[0], "something");
    if (above === undefined) throw failure("ENOENT");
    if (above.kind === "link" || (above.kind === "file" && above.mode >= 0)) throw failure("ENOTDIR");
    come(path);
    known.set(whereIs(path).key, { ...found, inode: `imagined ${++inodes}` });
  }

  function move(from: string, to: string): void {
    if (find(split(to)[0], "something") === undefined) throw failure("ENOENT");
    go(from);
    come(to);
    moves.push({ from, to });
  }

  return {
    openWay() {},
    find,
    isStraight(path) {
      for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1))
        if (find(path.slice(0, end), "something")?.kind === "link") return false;
      return true;
    },
    remove(path, kind) {
      if (kind === "folder" && !isEmpty(path)) throw failure("ENOTEMPTY");
      go(path);
      known.set(whereIs(path).key, null);
    },
    restore: (path, { meta }) => put(path, { kind: "file", ...meta }),
    makeFolder: (path, mode) => put(path, { kind: "folder", mode, size: 0, mtimeNs: "" }),
    makeLink: (path) => put(path, { kind: "link", mode: 0o777, size: 0, mtimeNs: "" }),
    setMode(path, mode) {
      const found = find(path, "something");
      if (found === undefined) throw failure("ENOENT");
      known.set(whereIs(path).key, { ...found, mode });
    },
    move,
    exchange(one, other) {
      const aside = `\0aside${moves.length}`;
      moves.push({ from: one, to: aside }, { from: other, to: one }, { from: aside, to: other });
    },
  };

  function isEmpty(path: string): boolean {
    const { key, real } = whereIs(path);
    const names = folders.get(key);
    if (names !== undefined && names.come.size > 0) return false;
    // One that was imagined has nothing on the disk, and what could not be looked into is as the run left it.
    return !real || namesOnDisk(key).every((name) => names?.gone.has(name) === true);
  }
}

function namesOnDisk(path: string): readonly string[] {
  try {
    return readdirSync(Buffer.from(path, "latin1"), { encoding: "latin1" });
  } catch {
    return [];
  }
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function split(path: string): readonly [string, string] {
  const cut = path.lastIndexOf("/");
  return [path.slice(0, cut), path.slice(cut + 1)];
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
