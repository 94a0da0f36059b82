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
 * Kills every process that goes by this name as its first word, for as long as one could still come; takes a second. A
 * bubblewrap whose parent is killed in its first milliseconds has not asked yet to die with it: its child waits for ever
 * then, or goes on as if it had been let go on.
 */
export function endLeftovers(name: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let look = 0; look < LOOKS; look++) {
    for (const pid of namedSo(name)) kill(pid, name);
    Atomics.wait(clock, 0, 0, BETWEEN_MS);
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
