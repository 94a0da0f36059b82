import { readFileSync } from "node:fs";
import { listMembers } from "./sandbox-members.ts";

/** How often a sandbox's memory is added up, milliseconds. */
const INTERVAL = 100;

/**
 * Watches what a sandbox's processes together hold in memory of their own and of shared segments, and calls `exceed` once
 * when it is over `most` bytes. Where no cgroup is delegated nothing in the kernel bounds a sum over processes.
 * Returns the function that ends the watch. Does not keep the program alive.
 */
export function watchMemory(namespace: number, most: number, exceed: () => void): () => void {
  const timer = setInterval(() => {
    const members = listMembers(namespace);
    // The cheap sum counts pages shared after a fork once for each process, so it can only be too large.
    if (sum(members, readResident) <= most || sum(members, readProportional) <= most) return;
    clearInterval(timer);
    exceed();
  }, INTERVAL);
  timer.unref();
  return () => clearInterval(timer);
}

function sum(members: readonly number[], measure: (pid: number) => number): number {
  return members.reduce((total, pid) => total + measure(pid), 0);
}

function readResident(pid: number): number {
  return readKilobytes(`/proc/${pid}/status`, /^Rss(?:Anon|Shmem):\s+([0-9]+) kB$/gm);
}

function readProportional(pid: number): number {
  return readKilobytes(`/proc/${pid}/smaps_rollup`, /^Pss_(?:Anon|Shmem):\s+([0-9]+) kB$/gm);
}

function readKilobytes(path: string, pattern: RegExp): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return 0; // ended meanwhile
  }
  let total = 0;
  for (const match of text.matchAll(pattern)) total += Number(match[1]) * 1024;
  return total;
}
