import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { REPO } from "../e2e/substrate.ts";

const LOOK_MS = 50;
/** Programs of AIOS are these, outside of any sandbox. */
const OWN = join(REPO, "src", "main");

/** Processes of the machine by their ids, with their command lines. Those that ended and wait to be reaped are none, nor are those of AIOS itself. */
export function listProcesses(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/u.test(each)))
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const isOwn = words.includes(` ${OWN}/`) && !isInSandbox(name);
      if (words !== "" && !isOwn) found.set(Number(name), words);
    } catch {
      // It has ended.
    }
  return found;
}

/** Whether it has a pid namespace below the machine's: then it has an id in each (proc_pid_status(5)). */
function isInSandbox(pid: string): boolean {
  return /^NSpid:\t\d+\t/mu.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** Those that came after `before`, when they had so many milliseconds to end. */
export async function leftBehind(
  before: ReadonlyMap<number, string>,
  ms: number,
): Promise<ReadonlyMap<number, string>> {
  for (const end = Date.now() + ms; ;) {
    const left = new Map([...listProcesses()].filter(([pid]) => !before.has(pid)));
    if (left.size === 0 || Date.now() > end) return left;
    await sleep(LOOK_MS);
  }
}
