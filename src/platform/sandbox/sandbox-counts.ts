import { statSync } from "node:fs";

/** Bounds that the kernel holds by letting calls fail, and of which nobody hears there. */
export interface CountedBounds {
  /** Processes and threads of the sandbox at a time. */
  readonly processes: number;
  /** Open files of each of its processes. */
  readonly openFiles: number;
}

/** A count that stands at its bound, so that one more is refused. */
export interface CountReached {
  readonly limit: "processes" | "files";
  readonly most: number;
  readonly found: number;
}

/** What proc(5) says of a process in `status`. */
export interface ProcessStatus {
  readonly pid: number;
  readonly text: string;
}

/**
 * The counts that stand at their bounds now. One that did between two looks is not seen, nor before Linux 6.2, where the size of
 * a folder of descriptors is not their number, that of open files.
 */
export function countsReached(statuses: readonly ProcessStatus[], bounds: CountedBounds): readonly CountReached[] {
  const reached: CountReached[] = [];
  const processes = statuses.reduce((total, { text }) => total + numberIn(text, /^Threads:\s+([0-9]+)$/m), 0);
  if (processes >= bounds.processes) reached.push({ limit: "processes", most: bounds.processes, found: processes });
  // The room of a table of descriptors is never less than what is open: who has no more of it need not be asked.
  const files = statuses
    .filter(({ text }) => numberIn(text, /^FDSize:\s+([0-9]+)$/m) >= bounds.openFiles)
    .reduce((most, { pid }) => Math.max(most, descriptorsOf(pid)), 0);
  if (files >= bounds.openFiles) reached.push({ limit: "files", most: bounds.openFiles, found: files });
  return reached;
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

function descriptorsOf(pid: number): number {
  try {
    return statSync(`/proc/${pid}/fd`).size;
  } catch {
    return 0; // ended meanwhile
  }
}
