import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SandboxError } from "../../sandbox/error.ts";
import type { SandboxSpec } from "../../sandbox/spec.ts";

/** What of the bounds of a sandbox a group holds. */
export type GroupBounds = Pick<SandboxSpec["limits"], "memoryBytes" | "processes">;

/** A sandbox's own group: the kernel counts what all its processes use together, and what they hold without mapping it. */
export interface Group {
  /** What it used of the processor so far, of processes too that ended and that nobody waited for; seconds. */
  processorSeconds(): number;
  /** Bytes that it held at most, when the kernel ended it for want of memory; else null. */
  outOfMemory(): number | null;
  /** Takes it away. Nothing runs in it any more. */
  remove(): void;
}

/** The control group (version 2) that was delegated to this process, and the groups beneath it. */
export interface Groups {
  /**
   * Makes a group with these bounds, which are in force when a process that waits is put into it; whatever that starts is
   * in it too. Throws SandboxError `setup`: with a delegated group there is no sandbox outside of one.
   */
  enclose(pid: number, bounds: GroupBounds): Group;
}

/** Whether there is such a group here, or what is missing. */
export type Delegation =
  { readonly kind: "delegated"; readonly folder: string } | { readonly kind: "none"; readonly why: string };

const CONTROLLERS = ["memory", "pids"] as const;
const OWN = "monitor";
const PREFIX = "sandbox-";

/** Looks for a group of this process's own. Changes nothing. */
export function findDelegation(): Delegation {
  const folder = ownFolder();
  if (folder === null) return none("no cgroup of version 2 is mounted");
  if (!existsSync(join(folder, "cgroup.type"))) return none("the monitor is in the root of all cgroups");
  const controllers = words(join(folder, "cgroup.controllers"));
  const missing = CONTROLLERS.filter((name) => !controllers.includes(name));
  if (missing.length > 0) return none(`its cgroup has no controller for ${missing.join(" and ")}`);
  const places = [folder, ...["cgroup.procs", "cgroup.subtree_control"].map((name) => join(folder, name))];
  if (!places.every(mayWrite)) return none("its cgroup is not delegated to its user");
  // A group with processes of its own can hand no controller on, and others' are not ours to move.
  if (!words(join(folder, "cgroup.procs")).every(isOurs)) return none("its cgroup has processes of others");
  return { kind: "delegated", folder };
}

/**
 * Takes the delegated group in use: this process moves into a group of its own beneath it. Called once, before anything
 * else is started; null where none is delegated.
 */
export function openGroups(): Groups | null {
  const found = findDelegation();
  if (found.kind === "none") return null;
  const { folder } = found;
  try {
    mkdirSync(join(folder, OWN), { recursive: true });
    for (const pid of words(join(folder, "cgroup.procs"))) put(join(folder, OWN), "cgroup.procs", pid);
    for (const name of CONTROLLERS) put(folder, "cgroup.subtree_control", `+${name}`);
    // What a monitor that crashed left behind is empty: no sandbox outlives its monitor.
    for (const name of readdirSync(folder)) if (name.startsWith(PREFIX)) remove(join(folder, name));
  } catch {
    return null; // another manages it; the bounds that hold everywhere hold here
  }
  let made = 0;
  return Object.freeze({
    enclose: (pid, bounds) => enclose(join(folder, `${PREFIX}${process.pid}-${made++}`), pid, bounds),
  } satisfies Groups);
}

function enclose(folder: string, pid: number, { memoryBytes, processes }: GroupBounds): Group {
  try {
    mkdirSync(folder);
    set(folder, "memory.max", memoryBytes);
    // Memory that is moved to disk is used all the same.
    if (existsSync(join(folder, "memory.swap.max"))) set(folder, "memory.swap.max", 0);
    // All of them or none: half a sandbox is nobody's wish.
    set(folder, "memory.oom.group", 1);
    set(folder, "pids.max", processes);
    put(folder, "cgroup.procs", String(pid));
  } catch (cause) {
    remove(folder);
    throw new SandboxError("setup", `Cannot bound a sandbox by its cgroup: ${String(cause)}`, "Ask: aios doctor");
  }
  return Object.freeze({
    processorSeconds: () => Math.floor(entry(folder, "cpu.stat", "usage_usec") / 1_000_000),
    outOfMemory: () => {
      if (entry(folder, "memory.events", "oom_kill") === 0) return null;
      // memory.peak came with Linux 5.19; at the bound it was for sure.
      return Math.max(Number(words(join(folder, "memory.peak"))[0] ?? 0), memoryBytes);
    },
    remove: () => remove(folder),
  } satisfies Group);
}

/** CONFINED-OR-NOT-AT-ALL: a bound counts when the kernel says it back, rounded down to pages. */
function set(folder: string, name: string, value: number): void {
  put(folder, name, String(value));
  const [held] = words(join(folder, name));
  if (held === undefined || !(Number(held) <= value)) throw new Error(`${name} is ${held ?? "not there"}`);
}

function put(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

/** How often, and how far apart in milliseconds, the end of a group is tried. */
const REMOVALS = 100;
const REMOVAL_MS = 100;

/** A process that has ended and was not waited for keeps its group a moment longer; what is left then the next monitor takes. */
function remove(folder: string, left: number = REMOVALS): void {
  try {
    rmdirSync(folder);
  } catch {
    if (left > 0 && existsSync(folder)) setTimeout(remove, REMOVAL_MS, folder, left - 1).unref();
  }
}

/** Where this process's group of version 2 is to be seen, or null. */
function ownFolder(): string | null {
  const own = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup"))?.[1];
  // 36 32 0:31 ROOT MOUNT_POINT options - cgroup2 source options (proc(5))
  const mounted = /^\d+ \d+ \S+ (\S+) (\S+) .* - cgroup2 /m.exec(read("/proc/self/mountinfo"));
  const [, root = "", point = ""] = mounted ?? [];
  if (own === undefined || mounted === null) return null;
  if (root !== "/" && own !== root && !own.startsWith(`${root}/`)) return null;
  return join(point, root === "/" ? own : own.slice(root.length));
}

/** Whether a process is this one or was started by it. */
function isOurs(pid: string): boolean {
  for (let at = Number(pid); at > 1;) {
    if (at === process.pid) return true;
    const stat = read(`/proc/${at}/stat`);
    at = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
  }
  return false;
}

function entry(folder: string, name: string, key: string): number {
  return Number(new RegExp(`^${key} ([0-9]+)$`, "m").exec(read(join(folder, name)))?.[1] ?? 0);
}

function words(path: string): readonly string[] {
  return read(path)
    .split(/\s+/)
    .filter((word) => word !== "");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function none(why: string): Delegation {
  return { kind: "none", why };
}
