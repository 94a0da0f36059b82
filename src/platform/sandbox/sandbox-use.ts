import { readFileSync, statfsSync } from "node:fs";
import { hasMemory, memoryFilesOf } from "./memory-files.ts";
import type { Group } from "./cgroup.ts";
import { type CountedBounds, type CountReached, countsReached, type ProcessStatus } from "./sandbox-counts.ts";
import { listAllMembers } from "./sandbox-members.ts";

/** How often the memory of sandboxes is added up, milliseconds. */
const INTERVAL = 100;
/** After so many looks, or when the machine's shared memory has grown by so many bytes, files in memory are counted too. */
const LOOKS = 50;
const GROWTH = 16 * 1024 * 1024;

/** Bounds on what a sandbox's processes use together; null is none. */
export interface WatchedBounds extends CountedBounds {
  readonly memoryBytes: number;
  readonly cpuSeconds: number | null;
  readonly writtenBytes: number | null;
  /** Its private folders in memory, by their place inside, which nothing inside can put another in. */
  readonly scratch: readonly string[];
  /** Its cgroup, which holds the bound on memory itself and counts processor time without gaps; null where there is none. */
  readonly group: Group | null;
}

/** A bound that was passed: by which name, and what was found. */
export interface Exceeded {
  readonly limit: "memory" | "cpu" | "disk";
  readonly most: number;
  readonly found: number;
}

/** A bound that was passed, or one of those at which calls fail. */
export type Reached = Exceeded | CountReached;

/** Who is told of a watch. */
export interface WatchEars {
  /** Once, when a bound was passed; the watch is over then. */
  readonly exceed: (exceeded: Exceeded) => void;
  /** Once for each name, when a count was found at its bound. */
  readonly refuse: (reached: CountReached) => void;
}

interface Watch {
  readonly namespace: number;
  readonly bounds: WatchedBounds;
  readonly ears: WatchEars;
  /** Counts that were told of. */
  readonly told: Set<CountReached["limit"]>;
  /** What the machine shared before it began, bytes: none of it is the sandbox's. */
  readonly sharedBefore: number;
}

/** All watches share one timer and one pass over /proc: fifty instances cost what one does. */
const watches = new Set<Watch>();
let timer: NodeJS.Timeout | null = null;

/**
 * Watches what a sandbox's processes together hold in memory of their own and of shared segments, and, where there is a
 * bound, what they used of the processor and wrote to disk, and how many they are and have open. Where no cgroup is
 * delegated nothing in the kernel bounds a sum over processes; where one is, it is asked instead. Returns the function that
 * ends the watch. Does not keep the program alive.
 */
export function watchUse(namespace: number, bounds: WatchedBounds, ears: WatchEars): () => void {
  const sharedBefore = bounds.group === null ? readShared() : 0;
  const watch: Watch = { namespace, bounds, ears, told: new Set(), sharedBefore };
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

/** Shared memory of the whole machine when files in memory were counted last, and looks since then. */
let counted = { shared: 0, looks: 0 };

function readShared(): number {
  return readKilobytes("/proc/meminfo", /^Shmem:\s+([0-9]+) kB$/gm);
}

/** What memory is shared on the whole machine, when it is time to find out whose: to look through descriptors takes long. */
function sharedToCount(): number | null {
  const shared = readShared();
  const looks = counted.looks + 1;
  const isTime = looks >= LOOKS || shared >= counted.shared + GROWTH;
  counted = isTime ? { shared, looks: 0 } : { shared: Math.min(shared, counted.shared), looks };
  return isTime ? shared : null;
}

function lookAtAll(): void {
  const members = membersNow();
  const shared = [...watches].some(({ bounds }) => bounds.group === null) ? sharedToCount() : null;
  for (const watch of watches) {
    const all = shared === null ? null : { shared, grown: Math.max(0, shared - watch.sharedBefore) };
    const pids = members.get(watch.namespace) ?? [];
    const statuses = pids.map((pid) => ({ pid, text: readText(`/proc/${pid}/status`) }));
    for (const reached of countsReached(statuses, watch.bounds)) {
      if (watch.told.has(reached.limit)) continue;
      watch.told.add(reached.limit);
      watch.ears.refuse(reached);
    }
    const exceeded = lookAt(statuses, watch.bounds, all);
    if (exceeded === null) continue;
    end(watch);
    watch.ears.exceed(exceeded);
  }
}

/** What memory the whole machine shares, in all and more than when the sandbox began; bytes. */
interface SharedByAll {
  readonly shared: number;
  readonly grown: number;
}

/** `all` is there when files in memory are to be counted now. */
function lookAt(statuses: readonly ProcessStatus[], bounds: WatchedBounds, all: SharedByAll | null): Exceeded | null {
  const { memoryBytes, cpuSeconds, writtenBytes, group } = bounds;
  const members = statuses.map(({ pid }) => pid);
  const names = group === null ? namesIn(bounds.scratch, members) * BYTES_A_NAME : 0;
  // The cheap sums count pages shared after a fork once for each process, and others' files: they can only be too large.
  const resident = group === null ? names + statuses.reduce((total, { text }) => total + residentIn(text), 0) : 0;
  if (resident > memoryBytes || (group === null && resident + (all?.shared ?? 0) > memoryBytes)) {
    const found = Math.min(names + sum(members, readTables) + heldBy(members, all), Number.MAX_SAFE_INTEGER);
    if (found > memoryBytes) return { limit: "memory", most: memoryBytes, found };
  }
  if (cpuSeconds !== null) {
    const found = group?.processorSeconds() ?? Math.floor(sum(members, readProcessorTicks) / TICKS_A_SECOND);
    if (found > cpuSeconds) return { limit: "cpu", most: cpuSeconds, found };
  }
  if (writtenBytes !== null) {
    // ERRORS-DENY: of whoever closed itself to looks nobody can say that it is within the bound.
    const found = Math.min(sum(members, readWritten), Number.MAX_SAFE_INTEGER);
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

function residentIn(status: string): number {
  return kilobytesIn(status, /^(?:RssAnon|RssShmem|VmPTE):\s+([0-9]+) kB$/gm);
}

/** Page tables: memory that is only read needs them too, although it is in no other sum (`VmPTE` of proc(5)). */
function readTables(pid: number): number {
  return readKilobytes(`/proc/${pid}/status`, /^VmPTE:\s+([0-9]+) kB$/gm);
}

/** What a file in a folder in memory takes beside its content: inode and name, 1,037 bytes in Linux 6.18. */
const BYTES_A_NAME = 1024;

/** Files in the private folders of a sandbox, empty ones too: their number is bounded by half of the machine's pages each. */
function namesIn(folders: readonly string[], members: readonly number[]): number {
  for (const pid of members) {
    try {
      return folders.reduce((total, folder) => {
        const { files, ffree } = statfsSync(`/proc/${pid}/root${folder}`);
        return total + files - ffree;
      }, 0);
    } catch {
      // It ended meanwhile, or closed itself to looks: another sees the same folders.
    }
  }
  // ERRORS-DENY: where all that live closed themselves nobody can say how many there are.
  return members.some(hasMemory) ? Infinity : 0;
}

/**
 * What processes hold together: memory of their own; and of what is shared the larger of what they map and what files in
 * memory they have open, since one that is mapped is in both.
 */
function heldBy(members: readonly number[], all: SharedByAll | null): number {
  const own = sum(members, (pid) => readProportional(pid, PROPORTIONAL.own));
  const mapped = sum(members, (pid) => readProportional(pid, PROPORTIONAL.shared));
  if (all === null) return own + mapped;
  // Of whoever closed itself to looks everything that has been shared since may be.
  return own + Math.max(mapped, memoryFilesOf(members) ?? all.grown);
}

/** Lines of `smaps_rollup` (proc(5)). */
const PROPORTIONAL = { own: /^Pss_Anon:\s+([0-9]+) kB$/gm, shared: /^Pss_Shmem:\s+([0-9]+) kB$/gm } as const;

function readProportional(pid: number, lines: RegExp): number {
  return readKilobytes(`/proc/${pid}/smaps_rollup`, lines);
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

/**
 * Bytes that a process caused to be written to disk, with those of its children that it waited for (proc(5), io); without end
 * for one that closed itself to looks.
 */
function readWritten(pid: number): number {
  const bytes = /^write_bytes: ([0-9]+)$/m.exec(readText(`/proc/${pid}/io`))?.[1];
  return bytes === undefined ? (hasMemory(pid) ? Infinity : 0) : Number(bytes);
}

function readKilobytes(path: string, pattern: RegExp): number {
  return kilobytesIn(readText(path), pattern);
}

function kilobytesIn(text: string, pattern: RegExp): number {
  let total = 0;
  for (const match of text.matchAll(pattern)) total += Number(match[1]) * 1024;
  return total;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // ended meanwhile
  }
}
