import { randomBytes } from "node:crypto";
import { closeSync, readdirSync, readFileSync } from "node:fs";
import { openProcess, signalProcess } from "./sandbox-syscalls.ts";

/** The first word of each bubblewrap that this process starts, by which it is found when this process is gone. */
export const SANDBOX_NAME: string = `aios-${randomBytes(8).toString("hex")}-bwrap`;

/** The variable by which a supervisor learns that name. */
export const NAME_VARIABLE = "AIOS_SANDBOX_NAME";

const SIGKILL = 9;
/** How often it is looked, and how long between: what was being started shows a moment after its parent is gone. */
const LOOKS = 20;
const BETWEEN_MS = 50;

/**
 * Kills every process that goes by this name as its first word, for as long as one could still come; takes a second. The
 * child of a bubblewrap whose parent is killed in its first milliseconds has not asked yet to die with it, and waits for
 * ever then: for bubblewrap's word, or at the gate.
 */
export function endLeftovers(name: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let look = 0; look < LOOKS; look++) {
    for (const pid of namedSo(name)) kill(pid, name);
    Atomics.wait(clock, 0, 0, BETWEEN_MS);
  }
}

/**
 * Descriptors of what a bubblewrap of this process's left when it was killed from outside before it had said who its child
 * is; the caller's. `leader`: its process id, which led their session. No process has that number while they live, so
 * that there are none of a later one's among them. Throws when it cannot look, for want of a descriptor for one.
 */
export function openOrphans(leader: number): readonly number[] {
  if (sessionOf(leader) !== null) return [];
  const found: number[] = [];
  try {
    for (const pid of readdirSync("/proc").map(Number).filter(Number.isSafeInteger)) {
      if (sessionOf(pid) !== leader || firstWord(pid) !== SANDBOX_NAME) continue;
      const process = openProcess(pid);
      if (process === null) continue;
      found.push(process);
      if (sessionOf(pid) !== leader) closeSync(found.pop() ?? process);
    }
    return found;
  } catch (error) {
    for (const process of found) closeSync(process);
    throw error;
  }
}

/** The process id of whoever leads a process's session; null when the process is gone. Throws when that cannot be read. */
function sessionOf(pid: number): number | null {
  try {
    // The name before it, in parentheses, may hold anything.
    const [, , , session] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ") ?? [];
    return Number(session);
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return null;
    throw error;
  }
}

function namedSo(name: string): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isSafeInteger(pid) && firstWord(pid) === name);
}

function kill(pid: number, name: string): void {
  const process = openProcess(pid);
  if (process === null) return;
  try {
    // By the descriptor it is this process and no later one of the same number.
    if (firstWord(pid) === name) signalProcess(process, SIGKILL);
  } catch {
    // Another user's: none of ours.
  } finally {
    closeSync(process);
  }
}

function firstWord(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0", 1)[0] ?? null;
  } catch {
    return null; // gone
  }
}
