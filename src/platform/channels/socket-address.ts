import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { PlatformError } from "../platform-error.ts";

/** A unix socket named through a descriptor of its folder. */
export interface SocketAddress {
  /** What to give to bind or connect: short whatever the home's path is (sun_path holds 107 bytes). */
  readonly path: string;
  /** Owner and permission bits of the folder that is meant, read from the descriptor. */
  readonly folder: { readonly uid: number; readonly mode: number };
  /** Closes the descriptor; `path` means nothing afterwards. */
  close(): void;
}

/**
 * Opens the folder of a socket and names the socket through it, so that the folder that was examined is the folder that
 * is used (STYLE: decide on descriptors). A symbolic link as last part of the folder is refused.
 * Throws `socket-folder` when there is no such folder.
 */
export function openSocketAddress(path: string): SocketAddress {
  const fd = openFolder(dirname(path));
  const { uid, mode } = fstatSync(fd);
  return {
    path: `/proc/self/fd/${fd}/${basename(path)}`,
    folder: { uid, mode: mode & 0o7777 },
    close: () => closeSync(fd),
  };
}

function openFolder(folder: string): number {
  try {
    return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : "it cannot be opened";
    throw new PlatformError("socket-folder", `Cannot use folder "${folder}" for a socket: ${why}`);
  }
}
