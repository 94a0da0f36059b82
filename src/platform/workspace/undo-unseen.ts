import { join } from "node:path";
import type { UndoSeen } from "../../sandbox/undo-entry.ts";
import { isOutOfReach, OUT_OF_REACH, statAt } from "./undo-store.ts";

/** How the run left a path. */
export interface Left {
  readonly path: string;
  readonly seen: UndoSeen | null;
}

/** Paths that nobody could look at when the run ended, without those that this undoing has been at. */
export interface Unseen {
  /** Whether a path is one and was touched after the end of the run. Asked once: what undoing does touches it too. */
  isTouched(path: string): boolean;
}

/** `been`: paths that this undoing has been at already. `folder` is the store, whose `final` tells when the run ended. */
export function findUnseen(
  folder: string,
  { known, been }: { readonly known: readonly Left[]; readonly been: readonly string[] },
): Unseen {
  const paths = new Set(known.filter(({ seen }) => isUnseen(seen)).map(({ path }) => path));
  for (const path of been) paths.delete(path);
  const ended = statAt(join(folder, "final"))?.mtimeNs ?? 0n;
  return {
    isTouched(path) {
      if (!paths.has(path)) return false;
      const found = reachable(path);
      if (found === null) return false;
      paths.delete(path);
      if (found === undefined || found.isDirectory()) return false;
      // Nobody can set the time of the last change of what is said of a file (stat(2), ctime). Of one with several names a step
      // on another name sets it.
      return (found.nlink > 1n ? found.mtimeNs : found.ctimeNs) > ended;
    },
  };
}

/** What is at a path; null where nobody can come to it, as in a dry look that opens no folder. */
function reachable(path: string): ReturnType<typeof statAt> | null {
  try {
    return statAt(path);
  } catch (error) {
    if (isOutOfReach(error)) return null;
    throw error;
  }
}

export function isUnseen(seen: UndoSeen | null): boolean {
  return seen !== null && seen.inode === OUT_OF_REACH.inode;
}
