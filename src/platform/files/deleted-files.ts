import { readdirSync, readlinkSync, statSync } from "node:fs";

/** Descriptors that are looked at; a sandbox with more of them is over any budget. */
const MOST_DESCRIPTORS = 50_000;
const BLOCK = 512;

/**
 * Bytes on disk of files of one device that have no name any more and that processes of a pid namespace hold open: no
 * walk over a tree finds them. Infinite when there are too many descriptors to look at. What is only mapped is not found.
 */
export function deletedBytes(namespace: number, device: number): number {
  const seen = new Map<number, number>();
  let looked = 0;
  for (const pid of listMembers(namespace)) {
    for (const fd of listFolder(`/proc/${pid}/fd`)) {
      looked += 1;
      if (looked > MOST_DESCRIPTORS) return Infinity;
      const stat = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false });
      if (stat !== undefined && stat.isFile() && stat.nlink === 0 && stat.dev === device) {
        seen.set(stat.ino, stat.blocks * BLOCK);
      }
    }
  }
  return [...seen.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** As sandbox-members.ts, but without FFI, which this thread need not load. */
function listMembers(namespace: number): readonly string[] {
  return listFolder("/proc").filter((name) => /^[0-9]+$/.test(name) && readNamespace(name) === `pid:[${namespace}]`);
}

function readNamespace(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null; // gone, or another user's
  }
}

function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // the process ended
  }
}
