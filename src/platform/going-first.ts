import { readFileSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/**
 * On the scale of nice(2). At -10 a process weighs as much as nine others, at -20 as eighty-seven (sched(7)): two hundred that
 * never rest leave it a tenth of a processor, or half of one.
 */
const FIRST = -20;

/**
 * Gives this process the processor before what it may have to stop: among two hundred processes that never rest, a stop would
 * else wait most of its time for its own turns. Root may; where it may not, nothing changes and a stop takes longer.
 */
export function goFirst(): void {
  attempt(() => setPriority(FIRST));
  // Where each session is given its share as one (sched(7), autogroup), it is that of the session that counts.
  if (leadsSession()) attempt(() => writeFileSync("/proc/self/autogroup", String(FIRST)));
}

/** Has a process that this one started, and all that it will start, be one among others again. */
export function goWithOthers(pid: number): void {
  if (getPriority() < 0) setPriority(pid, 0);
}

function leadsSession(): boolean {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const [, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(session) === process.pid;
}

function attempt(change: () => void): void {
  try {
    change();
  } catch {
    // not allowed, or not known here
  }
}
