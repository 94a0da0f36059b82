import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { O_PATH, setMode } from "./file-calls.ts";

const ITS_OWNER_MAY = 0o700;

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
