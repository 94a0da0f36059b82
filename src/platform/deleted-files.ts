import { readdirSync, statSync } from "node:fs";
import { listMembers } from "./sandbox-members.ts";

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
    for (const fd of listDescriptors(pid)) {
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

function listDescriptors(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return []; // it ended
  }
}
