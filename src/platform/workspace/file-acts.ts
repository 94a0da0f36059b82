import { closeSync, fstatSync } from "node:fs";
import type { StorageOrder, StorageTarget } from "../../sandbox/storage-wire.ts";
import { failed, finish, full, keptAsItIs, PASS, refused, shown, unkept, unready, type Acted } from "./file-answers.ts";
import * as call from "../files/file-calls.ts";
import { controlReason, isAboveControl, treeReason, type Whole } from "./file-standing.ts";
import { errnoOf } from "../libc.ts";
import { readyToChange } from "./shared-file.ts";
import type { UndoStore } from "./undo-store.ts";

// linux/fs.h: flags of renameat2
const NOREPLACE = 1;
const EXCHANGE = 2;
const WHITEOUT = 4;
const O_WRONLY = 1;
/** How often a file is opened that gets another name meanwhile. */
const OPENS_MOST = 4;
/** Rights of a folder's owner to list, change and enter it. */
const ITS_OWNER_MAY = 0o700;
const KEPT_FLAGS = ~(call.O_CREAT | call.O_EXCL | call.O_NOFOLLOW | call.O_DIRECTORY);

/** A name in a guarded root, by the folder that was found for it. */
interface Named extends call.Place {
  /** Where it is: the folder's own path, as the kernel has it, and the name. */
  readonly path: string;
  readonly root: string;
  readonly opened: ReadonlySet<string>;
  readonly obeyed: readonly string[];
  /** A slash came after it, so it can only be a folder. */
  readonly slash: boolean;
}

/** Something that exists in a guarded root. */
interface Found extends Whole {
  readonly fd: number;
}

type Act<Name extends StorageOrder["order"]> = (
  order: Extract<StorageOrder, { order: Name }>,
  descriptor: number | null,
) => Acted;

/**
 * What a storage device does to files. `root` is the root of the sandbox as its processes see it, `roots` are the guarded
 * ones as paths there. Each act resolves once, to descriptors, decides on what the kernel says these are, and acts on them.
 * What lies outside of every guarded root is answered with `pass`: the kernel does it then, or says what is wrong, and
 * Landlock keeps it from a guarded root whatever its memory holds by then. What is missing in one is said here.
 */
export function createFileActs({
  root,
  roots,
  open: openNames,
  obeyed,
  store,
}: {
  readonly root: number;
  readonly roots: readonly string[];
  /** Control files that may be changed, by folded name. */
  readonly open: ReadonlySet<string>;
  /** Paths below a root that git obeys by its configuration. */
  readonly obeyed: readonly string[];
  readonly store: UndoStore;
}): (order: StorageOrder, descriptor: number | null) => Acted {
  const open: number[] = [];
  const names = { opened: openNames, obeyed } as const;
  const own = (fd: number): number => {
    if (fd >= 0) open.push(fd);
    return fd;
  };

  function rootOf(path: string): string | undefined {
    return roots.find((each) => path === each || path.startsWith(`${each}/`));
  }

  /** The folder and the last name of a path, null when they are in no guarded root or not there. */
  function findName(path: string): Named | null {
    const plain = path.replace(/\/+$/, "");
    const cut = plain.lastIndexOf("/") + 1;
    const name = plain.slice(cut);
    if (name === "" || name === "." || name === "..") return null;
    const folder = own(call.resolveIn(root, plain.slice(0, cut) || "/", call.O_DIRECTORY));
    const at = folder < 0 ? null : call.pathOf(folder);
    const within = at === null ? undefined : rootOf(at);
    if (at === null || within === undefined) return null;
    const slash = plain.length < path.length;
    return { folder, name, path: `${at}/${name}`, root: within, ...names, slash };
  }

  /**
   * Whether a path that was not found leads into a guarded root as far as there is anything of it. Left to the kernel, it could
   * be there by then, made by another thread, and the wall would refuse what is allowed.
   */
  function isMissing(path: string): boolean {
    let isGone = false;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const fd = call.resolveIn(root, path.slice(0, end), 0);
      if (fd === -errnoOf("ENOENT")) isGone = true;
      else if (fd < 0) return false;
      else {
        const at = call.pathOf(own(fd));
        return isGone && at !== null && rootOf(at) !== undefined;
      }
    }
    return false;
  }

  const notFound = (path: string): Acted => (isMissing(path) ? failed(-errnoOf("ENOENT")) : PASS);

  function whole(fd: number): Found | null {
    const path = call.pathOf(fd);
    const within = path === null ? undefined : rootOf(path);
    if (path === null || within === undefined) return null;
    return { fd, path, root: within, ...names, found: fstatSync(fd) };
  }

  /** What is at a name now, link or not; an error number when nothing is. */
  function lookAt(named: Named): Found | number {
    const fd = own(call.openName(named.folder, named.name, { flags: call.O_PATH, mode: 0 }));
    return fd < 0 ? fd : { fd, path: named.path, root: named.root, ...names, found: fstatSync(fd) };
  }

  function target(at: StorageTarget, descriptor: number | null): number {
    if (at.at === "descriptor") return descriptor ?? -errnoOf("EBADF");
    return own(call.resolveIn(root, at.path, at.follow ? 0 : call.O_NOFOLLOW));
  }

  function noteMade(named: Named): void {
    const fd = own(call.openName(named.folder, named.name, { flags: call.O_PATH, mode: 0 }));
    if (fd >= 0) store.made(named.path, fd);
  }

  const openFile: Act<"open"> = (order, descriptor) => {
    const { flags, mode } = order;
    const exclusive = (flags & call.O_CREAT) !== 0 && (flags & call.O_EXCL) !== 0;
    const object = target(order.target, descriptor);
    if (object >= 0) {
      const there = whole(object);
      if (there === null) return PASS;
      return exclusive ? failed(-errnoOf("EEXIST")) : openExisting(there, flags);
    }
    if (object !== -errnoOf("ENOENT") || order.target.at !== "path") return PASS;
    const named = (flags & call.O_CREAT) === 0 ? null : findName(order.target.path);
    if (named === null) return notFound(order.target.path);
    if (named.slash) return failed(-errnoOf("EISDIR"));
    const why = controlReason(named, "other");
    if (why !== null) return refused("made", named.path, why);
    if (!store.hasRoom()) return full("made", named.path);
    const made = call.openName(named.folder, named.name, {
      flags: (flags & KEPT_FLAGS) | call.O_CREAT | call.O_EXCL,
      mode,
    });
    // A link that leads nowhere: what it would make is not looked for.
    if (made === -errnoOf("EEXIST")) return failed(-errnoOf("EACCES"));
    if (made < 0) return failed(made);
    noteMade(named);
    return { answer: { answer: "done", note: { operation: "made", path: shown(named.path) } }, fd: made };
  };

  function openExisting(there: Found, flags: number): Acted {
    const { found, fd, path } = there;
    // Programs that make a file without a name have a way for file systems that cannot.
    if ((flags & call.O_TMPFILE) !== 0) return failed(-errnoOf("EOPNOTSUPP"));
    if (found.isDirectory()) return failed(-errnoOf("EISDIR"));
    if ((flags & call.O_DIRECTORY) !== 0) return failed(-errnoOf("ENOTDIR"));
    if (found.isSymbolicLink()) return failed(-errnoOf("ELOOP"));
    if (!found.isFile()) return failed(-errnoOf("EACCES"));
    if ((flags & call.O_ACCMODE) !== 0 || (flags & call.O_TRUNC) !== 0) {
      const why = controlReason(there, "other");
      return why === null ? openForChange(there, flags) : refused("changed", path, why);
    }
    const opened = call.reopen(fd, flags & KEPT_FLAGS);
    return opened < 0 ? failed(opened) : { answer: { answer: "done", note: null }, fd: opened };
  }

  /** What counts is how many names the opened file has: a person's tool can give it one after the first look. */
  function openForChange({ fd, path, found }: Found, flags: number): Acted {
    // What could not be opened afterwards needs no copy.
    if (found.nlink > 1 && !call.mayWrite(fd)) return failed(-errnoOf("EACCES"));
    for (let tries = 0, at = fd; tries < OPENS_MOST; tries++) {
      const ready = readyToChange({ fd: at, path }, { root, store, change: "content" });
      if (ready < 0) return unready(ready, "changed", path);
      if (ready !== at) at = own(ready);
      const opened = call.reopen(at, flags & KEPT_FLAGS & ~call.O_TRUNC);
      if (opened < 0) return failed(opened);
      if (!store.isShared(fstatSync(opened, { bigint: true }))) return changing(opened, flags, path);
      closeSync(opened);
    }
    return unready(-errnoOf("EACCES"), "changed", path);
  }

  const makeFolder: Act<"make-folder"> = (order) => {
    const named = findName(order.path);
    if (named === null) return notFound(order.path);
    if (typeof lookAt(named) !== "number") return failed(-errnoOf("EEXIST"));
    const why = controlReason(named, "folder");
    if (why !== null) return refused("made", named.path, why);
    if (!store.hasRoom()) return full("made", named.path);
    const result = call.makeFolder(named.folder, named.name, order.mode);
    if (result >= 0) noteMade(named);
    return finish(result, "made", named.path);
  };

  const remove: Act<"remove"> = (order) => {
    const named = findName(order.path);
    if (named === null) return notFound(order.path);
    const there = lookAt(named);
    if (typeof there === "number") return failed(there);
    const why = controlReason(named, there.found.isDirectory() ? "folder" : "other");
    if (why !== null) return refused("removed", named.path, why);
    if (there.found.isDirectory() !== order.folder) return failed(-errnoOf(order.folder ? "ENOTDIR" : "EISDIR"));
    if (named.slash && !order.folder) return failed(-errnoOf("ENOTDIR"));
    const mark = store.mark();
    const keeps = store.removing(there.fd, named.path);
    if (keeps < 0) return unkept(keeps, "removed", named.path);
    const result = call.removeName(named.folder, named.name, order.folder ? call.AT_REMOVEDIR : 0);
    if (result < 0) store.cancel(mark);
    return finish(result, "removed", named.path);
  };

  const rename: Act<"rename"> = (order) => {
    const [from, to] = [findName(order.from), findName(order.to)];
    if ((from === null && isMissing(order.from)) || (to === null && isMissing(order.to)))
      return failed(-errnoOf("ENOENT"));
    if (from === null && to === null) return PASS;
    // A guarded root is a mount of its own.
    if (from === null || to === null) return failed(-errnoOf("EXDEV"));
    if ((order.flags & WHITEOUT) !== 0 || to.path.startsWith(`${from.path}/`)) return failed(-errnoOf("EINVAL"));
    const [moved, replaced] = [lookAt(from), lookAt(to)];
    if (typeof moved === "number") return failed(moved);
    if ((order.flags & NOREPLACE) !== 0 && typeof replaced !== "number") return failed(-errnoOf("EEXIST"));
    const exchange = (order.flags & EXCHANGE) !== 0;
    const why =
      moveReason(moved, { from, to }) ??
      (exchange && typeof replaced !== "number" ? moveReason(replaced, { from: to, to: from }) : null);
    if (why !== null) return refused("moved", why.path, why.why);
    const mark = store.mark();
    if (typeof replaced !== "number" && !exchange && !isSame(moved, replaced)) {
      const keeps = store.removing(replaced.fd, to.path);
      if (keeps < 0) return unkept(keeps, "removed", to.path);
    }
    const keeps = store.moving({
      from: from.path,
      to: to.path,
      how: exchange ? "exchange" : "move",
      isFolder: moved.found.isDirectory(),
    });
    if (keeps < 0) {
      store.cancel(mark);
      return unkept(keeps, "moved", from.path);
    }
    const [source, goal] = [withSlash(from), withSlash(to)];
    const result = call.renameName(source, goal, order.flags);
    if (result < 0 || (typeof replaced !== "number" && isSame(moved, replaced))) store.cancel(mark);
    return finish(result, "moved", to.path);
  };

  const link: Act<"link"> = (order, descriptor) => {
    const object = target(order.from, descriptor);
    if (object < 0) return order.from.at === "path" ? notFound(order.from.path) : PASS;
    const [there, to] = [whole(object), findName(order.to)];
    if (to === null && isMissing(order.to)) return failed(-errnoOf("ENOENT"));
    if (there === null && to === null) return PASS;
    if (there === null || to === null) return failed(-errnoOf("EXDEV"));
    for (const each of [there, to]) {
      const why = controlReason(each, "other");
      if (why !== null) return refused("linked", each.path, why);
    }
    if (!there.found.isFile() && isAboveControl(to))
      return refused("linked", to.path, "what it holds would be obeyed there");
    if (!store.hasRoom()) return full("linked", to.path);
    const result = call.linkTo(there.fd, to);
    if (result >= 0) noteMade(to);
    return finish(result, "linked", to.path);
  };

  const symlink: Act<"symlink"> = (order) => {
    const named = findName(order.path);
    if (named === null) return notFound(order.path);
    if (typeof lookAt(named) !== "number") return failed(-errnoOf("EEXIST"));
    const why = controlReason(named, "other") ?? (isAboveControl(named) ? "what it holds would be obeyed there" : null);
    if (why !== null) return refused("made", named.path, why);
    if (!store.hasRoom()) return full("made", named.path);
    const result = call.symlinkAt(order.text, named);
    if (result >= 0) noteMade(named);
    return finish(result, "made", named.path);
  };

  const truncate: Act<"truncate"> = (order, descriptor) => {
    const object = target(order.target, descriptor);
    if (object < 0) return order.target.at === "path" ? notFound(order.target.path) : PASS;
    const there = whole(object);
    if (there === null) return PASS;
    const opened = openExisting(there, 1);
    if (opened.fd === null) return opened;
    const result = call.truncateFile(opened.fd, BigInt(order.length));
    closeSync(opened.fd);
    return finish(result, "changed", there.path);
  };

  /** Landlock does not stand behind modes, so this one is done here wherever the file is. */
  const mode: Act<"mode"> = (order, descriptor) => {
    let object = target(order.target, descriptor);
    if (object < 0) return failed(object);
    // Too deep to be told where it is.
    if (call.pathOf(object) === null) return failed(-errnoOf("ENAMETOOLONG"));
    const there = whole(object);
    if (there !== null) {
      if (roots.includes(there.path)) return keepModeOfRoot(there, order.mode);
      const why = controlReason(there, there.found.isDirectory() ? "folder" : "other");
      if (why !== null) return refused("mode", there.path, why);
      const ready = readyToChange({ fd: object, path: there.path }, { root, store, change: "mode" });
      if (ready < 0) return unready(ready, "mode", there.path);
      if (ready !== object) object = own(ready);
    }
    if (fstatSync(object).isSymbolicLink()) return failed(-errnoOf("EOPNOTSUPP"));
    const result = call.setMode(object, order.mode & 0o7777);
    if (result >= 0 && there === null) return { answer: { answer: "done", note: null }, fd: null };
    return finish(result, "mode", there?.path ?? "");
  };

  function act(order: StorageOrder, descriptor: number | null): Acted {
    switch (order.order) {
      case "root":
        return PASS;
      case "open":
        return openFile(order, descriptor);
      case "make-folder":
        return makeFolder(order, descriptor);
      case "remove":
        return remove(order, descriptor);
      case "rename":
        return rename(order, descriptor);
      case "link":
        return link(order, descriptor);
      case "symlink":
        return symlink(order, descriptor);
      case "truncate":
        return truncate(order, descriptor);
      case "mode":
        return mode(order, descriptor);
    }
  }

  return (order, descriptor) => {
    try {
      return act(order, descriptor);
    } finally {
      for (const fd of open.splice(0)) closeSync(fd);
    }
  };
}

/** A file opened for a change; emptied first where that was asked, which the look at what was opened had to come before. */
function changing(opened: number, flags: number, path: string): Acted {
  if ((flags & call.O_TRUNC) !== 0) {
    const empty = call.reopen(opened, O_WRONLY | call.O_TRUNC);
    closeSync(empty < 0 ? opened : empty);
    if (empty < 0) return failed(empty);
  }
  return { answer: { answer: "done", note: { operation: "changed", path: shown(path) } }, fd: opened };
}

/**
 * A guarded root is whose it is: opened to others, all of it would be theirs to read. What unpacks or copies a tree with a
 * mode for its top (`tar`, `cp -a`, `rsync -a`) would fail over an error.
 */
function keepModeOfRoot({ path, found }: Found, asked: number): Acted {
  if ((found.mode & 0o7777) === (asked & 0o7777)) return { answer: { answer: "done", note: null }, fd: null };
  // Nobody could come in any more, and so undo nothing.
  if ((asked & ITS_OWNER_MAY) !== ITS_OWNER_MAY)
    return unkept(-errnoOf("EPERM"), "mode", path, "nobody could come in any more");
  return keptAsItIs("mode", path, "the folder itself keeps its mode");
}

/** Why this cannot go from one name to another: either is a control name, or something in it is or would become one. */
function moveReason(
  moved: Found,
  { from, to }: { readonly from: Named; readonly to: Named },
): { readonly path: string; readonly why: string } | null {
  const entry = moved.found.isDirectory() ? "folder" : "other";
  for (const named of [from, to]) {
    const why = controlReason(named, entry);
    if (why !== null) return { path: named.path, why };
  }
  // A folder that arrives, or a link to one, brings along what is below it.
  if (!moved.found.isFile() && isAboveControl(to)) return { path: to.path, why: "what it holds would be obeyed there" };
  return entry === "folder" ? treeReason({ from, to }) : null;
}

function withSlash(named: Named): call.Place {
  return named.slash ? { folder: named.folder, name: `${named.name}/` } : named;
}

function isSame(one: Found, other: Found): boolean {
  return one.found.ino === other.found.ino && one.found.dev === other.found.dev;
}
