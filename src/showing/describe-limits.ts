import type { LimitName, NamedLimits } from "../kernel/sandbox-limits.ts";
import { showBytes, showSpan } from "./moment.ts";

/** One limit and its value in words. */
export function describeLimit(name: LimitName, value: number): string {
  switch (name) {
    case "memory":
      return `at most ${showBytes(value)} (${value}) of memory in all`;
    case "processes":
      return `at most ${value} processes and threads at a time`;
    case "cpu":
      return `at most ${showSpan(value * 1000)} (${value} s) of processor time`;
    case "wall":
      return `each run ends after ${showSpan(value * 1000)} (${value} s)`;
    case "files":
      return `at most ${value} open files in a process`;
    case "fileSize":
      return `no file over ${showBytes(value)} (${value})`;
    case "disk":
      return `at most ${showBytes(value)} (${value}) written to disk in all`;
    case "output":
      return `at most ${showBytes(value)} (${value}) said to its terminal and pipes`;
    default:
      return name satisfies never;
  }
}

/** What a grant says of its sandbox's limits. */
export function describeNamedLimits(limits: NamedLimits | undefined): readonly string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of this type, which the decoder checked
  const named = Object.entries(limits ?? {}) as readonly (readonly [LimitName, number])[];
  return named.map(([name, value]) => describeLimit(name, value));
}
