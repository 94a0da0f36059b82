import { readFileSync } from "node:fs";
import type { Group } from "./cgroup.ts";
import { listAllMembers } from "./sandbox-members.ts";

/** How often the memory of sandboxes is added up, milliseconds. */
const INTERVAL = 100;

/** Bounds on what a sandbox's processes use together; null is none. */
export interface WatchedBounds {
  readonly memoryBytes: number;
  readonly cpuSeconds: number | null;
  readonly writtenBytes: number | null;
  /** Its cgroup, which holds the bound on memory itself and counts processor time without gaps; null where there is none. */
  readonly group: Group | null;
}

/** A bound that was reached: by which name, and what was found. */
export interface Reached {
  readonly limit: "memory" | "cpu" | "disk";
  readonly most: number;
  readonly found: number;
}

interface Watch {
  readonly namespace: number;
  readonly bounds: WatchedBounds;
  readonly exceed: (reached: Reached) => void;
}

/** All watches share one timer and one pass over /proc: fifty instances cost what one does. */
const watches = new Set<Watch>();
let timer: NodeJS.Timeout | null = null;

/**
 * Watches what a sandbox's processes together hold in memory of their own and of shared segments, and, where there is a
 * bound, what they used of the processor and wrote to disk; calls `exceed` once when it is over one. Where no cgroup is
 * delegated nothing in the kernel bounds a sum over processes; where one is, it is asked instead. Returns the function that ends the watch. Does not keep
 * the program alive.
 */
export function watchUse(namespace: number, bounds: WatchedBounds, exceed: (reached: Reached) => void): () => void {
  const watch: Watch = { namespace, bounds, exceed };
  watches.add(watch);
  timer ??= setInterval(lookAtAll, INTERVAL).unref();
  return () => end(watch);
}

/** Who belongs to which namespace, and the process id that was given last before that was found out. */
let known: { readonly members: ReadonlyMap<number, readonly number[]>; readonly lastId: string } | null = null;

/**
 * Everybody by namespace. While no process was started anywhere since the last look nobody can have come, and those that
 * are gone have nothing to be added up: on a machine at rest the look costs one read instead of one for each process.
 */
function membersNow(): ReadonlyMap<number, readonly number[]> {
  const lastId = readText("/proc/loadavg").trim().split(" ").at(-1) ?? "";
  if (known === null || lastId === "" || known.lastId !== lastId) known = { members: listAllMembers(), lastId };
  return known.members;
}

function lookAtAll(): void {
  const members = membersNow();
  for (const watch of watches) {
    const reached = lookAt(members.get(watch.namespace) ?? [], watch.bounds);
    if (reached === null) continue;
    end(watch);
    watch.exceed(reached);
  }
}

function lookAt(members: readonly number[], bounds: WatchedBounds): Reached | null {
  const { memoryBytes, cpuSeconds, writtenBytes, group } = bounds;
  // The cheap sum counts pages shared after a fork once for each process, so it can only be too large.
  if (group === null && sum(members, readResident) > memoryBytes) {
    const found = sum(members, readProportional);
    if (found > memoryBytes) return { limit: "memory", most: memoryBytes, found };
  }
  if (cpuSeconds !== null) {
    const found = group?.processorSeconds() ?? Math.floor(sum(members, readProcessorTicks) / TICKS_A_SECOND);
    if (found > cpuSeconds) return { limit: "cpu", most: cpuSeconds, found };
  }
  if (writtenBytes !== null) {
    const found = sum(members, readWritten);
    if (found > writtenBytes) return { limit: "disk", most: writtenBytes, found };
  }
  return null;
}

function end(watch: Watch): void {
  watches.delete(watch);
  if (watches.size > 0 || timer === null) return;
  clearInterval(timer);
  timer = null;
  known = null;
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

/** USER_HZ of every architecture that there is a filter for. */
const TICKS_A_SECOND = 100;

/**
 * Processor time of a process and of its children that ended and were waited for, which hand it up (proc(5), stat 14 to
 * 17): summed over all that live, it is that of all that ever lived but those that nobody waited for.
 */
function readProcessorTicks(pid: number): number {
  const stat = readText(`/proc/${pid}/stat`);
  // The name before the state is in parentheses and may hold anything, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((total, ticks) => total + (Number(ticks) || 0), 0);
}

/** Bytes that a process caused to be written to disk, with those of its children that it waited for (proc(5), io). */
function readWritten(pid: number): number {
  return Number(/^write_bytes: ([0-9]+)$/m.exec(readText(`/proc/${pid}/io`))?.[1] ?? 0);
}

function readKilobytes(path: string, pattern: RegExp): number {
  let total = 0;
  for (const match of readText(path).matchAll(pattern)) total += Number(match[1]) * 1024;
  return total;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // ended meanwhile
  }
}
