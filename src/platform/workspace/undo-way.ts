import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { O_PATH, setMode } from "../files/file-calls.ts";

const ITS_OWNER_MAY = 0o700;
const CHANGE_NAMES = 0o300;

/**
 * Gives the folders above a path back to their owner (u+rwx) where a run took that away: of those that are `made`, which it
 * made or changed the mode of. Without it a folder without rights would keep what lies in it from being undone. Stops at
 * whatever is no folder, a link for one. Never throws: what stays out of reach shows when somebody comes to it.
 */
export function openWay(path: string, made: ReadonlySet<string>): void {
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    if (!made.has(path.slice(0, end))) continue;
    let fd: number;
    try {
      fd = openSync(Buffer.from(path.slice(0, end), "latin1"), O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY);
    } catch {
      return;
    }
    try {
      const { mode, uid } = fstatSync(fd);
      const rights = mode & 0o7777;
      if (uid === process.geteuid?.() && (rights & ITS_OWNER_MAY) !== ITS_OWNER_MAY)
        setMode(fd, rights | ITS_OWNER_MAY);
    } finally {
      closeSync(fd);
    }
  }
}

/**
 * Does something to a name, in a folder too whose owner may not change it (mode 500): the owner gets the right for as long as
 * it takes. Who is stopped in between leaves the folder with it.
 */
export function withRights<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EACCES")) throw error;
    const above = Buffer.from(path.slice(0, path.lastIndexOf("/")), "latin1");
    const fd = openSync(above, O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY);
    try {
      const { mode, uid } = fstatSync(fd);
      const rights = mode & 0o7777;
      if (uid !== process.geteuid?.() || (rights & CHANGE_NAMES) === CHANGE_NAMES) throw error;
      setMode(fd, rights | CHANGE_NAMES);
      try {
        return act();
      } finally {
        setMode(fd, rights);
      }
    } finally {
      closeSync(fd);
    }
  }
}
