import { readdirSync, readFileSync } from "node:fs";

/** How often the processes are looked at. */
const EVERY_MS = 50;
/** One clock tick of /proc/PID/stat (USER_HZ, the same on every Linux that Node runs on). */
const TICK_MS = 10;

/** A moment, milliseconds since 1970 UTC. */
type Span = readonly [from: number, to: number];

/** The processor time of some processes over a while, looked at from outside. */
export interface ProcessorTimes {
  /** Ends the looking. */
  stop(): void;
  /** Milliseconds of processor time that the process of this name used in a span; NaN when it was not there. */
  used(name: string, span: Span): number;
}

/** Looks at processes, each known by its id or by a word of its command line (the newest one with it counts). */
export function watchProcessorTimes(processes: { readonly [name: string]: number | string }): ProcessorTimes {
  const samples = new Map<string, { at: number; used: number }[]>();
  const pids = new Map<string, number>();
  const look = (): void => {
    for (const [name, known] of Object.entries(processes)) {
      const pid = typeof known === "number" ? known : (pids.get(name) ?? findProcess(known));
      const used = pid === null ? null : processorTime(pid);
      if (pid === null || used === null) continue;
      pids.set(name, pid);
      const taken = samples.get(name) ?? [];
      samples.set(name, taken);
      taken.push({ at: Date.now(), used });
    }
  };
  const older = new Set(processIds());
  const findProcess = (word: string): number | null =>
    processIds().find((pid) => !older.has(pid) && hasWord(pid, word)) ?? null;
  const timer = setInterval(look, EVERY_MS);
  return {
    stop: () => clearInterval(timer),
    used: (name, [from, to]) => {
      const taken = samples.get(name) ?? [];
      return at(taken, to) - at(taken, from);
    },
  };
}

/** What was used up at a moment, on the line between the two looks around it. */
function at(samples: readonly { readonly at: number; readonly used: number }[], moment: number): number {
  const next = samples.findIndex((sample) => sample.at >= moment);
  const [before, after] = [samples[next - 1], samples[next]];
  if (before === undefined || after === undefined)
    return next === 0 ? Number.NaN : (samples.at(-1)?.used ?? Number.NaN);
  return before.used + ((after.used - before.used) * (moment - before.at)) / (after.at - before.at);
}

function processIds(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function hasWord(pid: number, word: string): boolean {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return line.slice(0, 8).some((part) => part.endsWith(word)) && line[0]?.endsWith("bwrap") === false;
  } catch {
    return false; // it ended
  }
}

/** Time of all threads in user and kernel, milliseconds; null when the process is gone. proc_pid_stat(5). */
function processorTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return null;
  }
}
