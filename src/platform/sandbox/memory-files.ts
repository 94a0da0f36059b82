import { readdirSync, readFileSync, statSync } from "node:fs";
import { readLink } from "./sandbox-syscalls.ts";

/** How the kernel names a descriptor of a file that is in memory only (memfd_create(2)). */
const IN_MEMORY = /^\/memfd:/;
/** `st_blocks` counts in these, whatever the file system (stat(2)). */
const BLOCK = 512;

/**
 * Bytes of the files in memory that these processes have open, each counted once, mapped or not. Null when one of them has closed
 * itself to looks, so that nobody can say. Of what is under way in a socket nothing is seen.
 */
export function memoryFilesOf(pids: readonly number[]): number | null {
  const files = new Map<number, number>();
  for (const pid of pids) {
    const descriptors = descriptorsOf(pid);
    if (descriptors === null) return null;
    for (const path of descriptors) {
      if (!IN_MEMORY.test(readLink(path) ?? "")) continue;
      const found = statSync(path, { throwIfNoEntry: false });
      if (found !== undefined) files.set(found.ino, found.blocks * BLOCK);
    }
  }
  return [...files.values()].reduce((total, bytes) => total + bytes, 0);
}

function descriptorsOf(pid: number): readonly string[] | null {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return hasMemory(pid) ? null : [];
  }
}

/** Whether a process still runs a program: of one that has ended the kernel closes what there is to see as well. */
export function hasMemory(pid: number): boolean {
  try {
    return /^VmSize:/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
