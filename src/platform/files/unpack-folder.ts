import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const FRESH = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Makes files below a folder, and the folders they need. Nobody else writes there and no link is ever made, so a path means
 * what it says; a file that is there already is an error.
 */
export function unpackFolder(root: string): {
  make(path: string, options: { readonly executable: boolean }): { write(bytes: Uint8Array): void; close(): void };
} {
  return {
    make(path, { executable }) {
      const place = join(root, path);
      mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
      const fd = openSync(place, FRESH, executable ? 0o700 : 0o600);
      return {
        write(bytes) {
          for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
        },
        close: () => closeSync(fd),
      };
    },
  };
}
