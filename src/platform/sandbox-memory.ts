import { readFileSync } from "node:fs";
import { listAllMembers } from "./sandbox-members.ts";

/** How often the memory of sandboxes is added up, milliseconds. */
const INTERVAL = 100;

interface Watch {
  readonly namespace: number;
  readonly most: number;
  readonly exceed: () => void;
}

/** All watches share one timer and one pass over /proc: fifty instances cost what one does. */
const watches = new Set<Watch>();
let timer: NodeJS.Timeout | null = null;

/**
 * Watches what a sandbox's processes together hold in memory of their own and of shared segments, and calls `exceed` once
 * when it is over `most` bytes. Where no cgroup is delegated nothing in the kernel bounds a sum over processes.
 * Returns the function that ends the watch. Does not keep the program alive.
 */
export function watchMemory(namespace: number, most: number, exceed: () => void): () => void {
  const watch: Watch = { namespace, most, exceed };
  watches.add(watch);
  timer ??= setInterval(lookAtAll, INTERVAL).unref();
  return () => end(watch);
}

function lookAtAll(): void {
  const members = listAllMembers();
  for (const watch of watches) {
    const own = members.get(watch.namespace) ?? [];
    // The cheap sum counts pages shared after a fork once for each process, so it can only be too large.
    if (sum(own, readResident) <= watch.most || sum(own, readProportional) <= watch.most) continue;
    end(watch);
    watch.exceed();
  }
}

function end(watch: Watch): void {
  watches.delete(watch);
  if (watches.size > 0 || timer === null) return;
  clearInterval(timer);
  timer = null;
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
