import { readFileSync, statSync } from "node:fs";

/** What a process does, as proc(5) shows it of any process. */
export interface ProcessLook {
  /** Whether a signal stopped it: it does nothing until another lets it go on. */
  readonly stopped: boolean;
  /** Processor time that it took so far, ticks of a hundredth of a second: what works takes more. */
  readonly ticks: number;
}

/**
 * The process that holds the exclusive lock (flock(2)) on a file, as the kernel lists it in /proc/locks: the lock itself is not
 * touched, so that nobody who wants it is in the way of a look. Null when nobody does, or cannot be seen from here.
 */
export function holderOf(path: string): number | null {
  let inode: string;
  let locks: string;
  try {
    inode = String(statSync(path, { bigint: true }).ino);
    locks = readFileSync("/proc/locks", "utf8");
  } catch {
    return null;
  }
  // The device is left out: some file systems have another one for their files than for themselves.
  for (const line of locks.split("\n")) {
    const [, pid = "", of] = /^\d+: FLOCK +ADVISORY +WRITE +(\d+) +[0-9a-f]+:[0-9a-f]+:(\d+) /u.exec(line) ?? [];
    if (of === inode && pid !== "0") return Number(pid);
  }
  return null;
}

/** A look at a process; null when it is gone or has ended. */
export function lookAtProcess(pid: number): ProcessLook | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before the state is in parentheses and may hold anything, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = ""] = fields;
    if ("ZX".includes(state)) return null;
    return { stopped: "Tt".includes(state), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}
