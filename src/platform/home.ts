import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, statSync, type Stats } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PlatformError } from "./platform-error.ts";

/** The folders of one home, all 0700 and ours. */
export interface Home {
  readonly path: string;
  /** Sockets and the lock: nothing that outlives a boot. */
  readonly run: string;
  /** The log and the sealed payloads beside it: the source of truth. */
  readonly log: string;
  /** Owners' sealed keys and the monitor's own. */
  readonly keys: string;
  /** What agents keep between runs, a folder each; hostile bytes. */
  readonly volumes: string;
  /** What owners put into agents' homes, a folder each, beside what agents write. */
  readonly sealed: string;
  /** Extensions, a folder each, read-only; what strangers wrote. */
  readonly extensions: string;
  /** What agents' changes to files replaced, a folder an instance, so that they can be undone. */
  readonly undo: string;
  /** What can be deleted and is rebuilt from the log. */
  readonly index: string;
  /** Cursors of telemetry, and the events that it writes. */
  readonly telemetry: string;
}

// The owner of files whose user is not mapped into a user namespace: root of the host, seen from a container.
const UNMAPPED = 65534;

/**
 * Opens a home, making what is missing of it. Every folder must be a real folder, owned by this user, of mode 0700; and
 * nobody else may be able to put another in its place, so no folder above may be writable by others unless it is sticky.
 * Changes nothing that it finds. Throws `home-permissions`.
 */
export function openHome(path: string): Home {
  const home = resolve(path);
  checkAncestors(home);
  const folders = foldersOf(home);
  refuseLink(home);
  for (const folder of [home, ...Object.values(folders)]) openFolder(folder);
  return Object.freeze({ path: home, ...folders });
}

/**
 * Refuses what `openHome` would refuse of what is there, as this user, and makes nothing: for whoever makes a home that is to be
 * another user's. Throws `home-permissions`.
 */
export function checkHomePlace(path: string): void {
  const home = resolve(path);
  refuseClosed(home);
  checkAncestors(home);
  refuseLink(home);
  for (const folder of [home, ...Object.values(foldersOf(home))]) {
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found !== undefined) checkFolder(folder, found);
  }
}

function foldersOf(home: string): Omit<Home, "path"> {
  return {
    run: join(home, "run"),
    log: join(home, "log"),
    keys: join(home, "keys"),
    undo: join(home, "undo"),
    index: join(home, "index"),
    volumes: join(home, "volumes"),
    sealed: join(home, "sealed"),
    extensions: join(home, "extensions"),
    telemetry: join(home, "telemetry"),
  };
}

function refuseLink(home: string): void {
  if (lstatSync(home, { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw refuse(home, "it is a link", "name the folder that it leads to");
}

/** The topmost folder above that this user may not enter hides everything below it. */
function refuseClosed(home: string): void {
  const above = home.split("/").slice(1, -1);
  for (const depth of above.keys()) {
    const folder = `/${above.slice(0, depth + 1).join("/")}`;
    try {
      if (statSync(`${folder}/.`, { throwIfNoEntry: false }) === undefined) return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EACCES")) throw error;
      const words = `the monitor's user ${process.geteuid?.()} may not enter "${folder}" above it`;
      throw refuse(home, words, `chmod a+x ${quotePath(folder)}, or name a folder elsewhere: --home DIR`);
    }
  }
}

/** A home, or a part of it, that is kept an eye on. */
export interface WatchedFolder {
  /** Whether its path still leads to it. */
  stands(): boolean;
  /** Whether it was removed for good, and is not merely at another place. */
  isGone(): boolean;
  /** From now on nothing of it is open, so that its disk can be taken out; it stands, and is not gone, until it is taken again. */
  letGo(): void;
  /** Whatever its path leads to now is the folder from now on. */
  take(): void;
}

/** Keeps an eye on a folder, by a descriptor of it that stays open. */
export function watchFolder(path: string): WatchedFolder {
  let held: { readonly fd: number; readonly dev: number; readonly ino: number } | null = null;
  const letGo = (): void => {
    if (held !== null) closeSync(held.fd);
    held = null;
  };
  const take = (): void => {
    letGo();
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    const { dev, ino } = fstatSync(fd);
    held = { fd, dev, ino };
  };
  take();
  return {
    stands() {
      if (held === null) return true;
      const found = statSync(path, { throwIfNoEntry: false });
      return found?.dev === held.dev && found.ino === held.ino;
    },
    isGone: () => held !== null && fstatSync(held.fd).nlink === 0,
    letGo,
    take,
  };
}

/**
 * Asks once for all promises that want to know at one event: many records are begun at one. A tick forgets the answer once they
 * have run; an immediate would do so later, and cost a round of the event loop of its own.
 */
export function oncePerTurn(ask: () => boolean): () => boolean {
  let said: boolean | null = null;
  return () => {
    if (said === null) {
      said = ask();
      process.nextTick(() => (said = null));
    }
    return said;
  };
}

function openFolder(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return makeFolder(path);
  checkFolder(path, found);
}

function makeFolder(path: string): void {
  try {
    // Folders above the home are made with the person's own umask, so that only the home is private to it.
    if (statSync(dirname(path), { throwIfNoEntry: false }) === undefined) mkdirSync(dirname(path), { recursive: true });
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new PlatformError("home-permissions", `Cannot make folder "${path}": ${why}`);
  }
  // Looked at again: what another process put there in between is checked like what was there before.
  checkFolder(path, lstatSync(path));
}

function checkFolder(path: string, found: Stats): void {
  if (!found.isDirectory()) throw refuse(path, "it is not a folder");
  const own = process.geteuid?.();
  if (found.uid !== own)
    throw refuse(path, `it belongs to user ${found.uid}, not ${own}`, `chown ${own} ${quotePath(path)}`);
  const mode = found.mode & 0o5777; // setgid, which a folder inherits, opens nothing
  if (mode !== 0o700) throw refuse(path, `its mode is ${mode.toString(8)}, not 700`, `chmod 700 ${quotePath(path)}`);
}

function checkAncestors(home: string): void {
  for (let folder = dirname(home); ; folder = dirname(folder)) {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found !== undefined) checkAncestor(home, { folder, found });
    if (folder === dirname(folder)) return;
  }
}

function checkAncestor(home: string, above: { readonly folder: string; readonly found: Stats }): void {
  const { mode, uid, gid } = above.found;
  if (!above.found.isDirectory()) throw refuse(home, `"${above.folder}" is not a folder`);
  if (uid !== 0 && uid !== process.geteuid?.() && uid !== UNMAPPED) {
    throw refuse(home, `"${above.folder}" above it belongs to user ${uid}, who could put another in its place`);
  }
  // A group that is one user's own (same number) is that user; many distributions make folders writable to it.
  const others = gid === uid ? 0o002 : 0o022;
  if ((mode & others) !== 0 && (mode & 0o1000) === 0) {
    throw refuse(home, `others may write in "${above.folder}" above it`, `chmod go-w ${quotePath(above.folder)}`);
  }
}

function refuse(path: string, why: string, hint: string | null = null): PlatformError {
  return new PlatformError("home-permissions", `Cannot use "${path}" for the home: ${why}`, hint);
}

/** A path as a word of a shell, for a hint that can be pasted. */
export function quotePath(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
