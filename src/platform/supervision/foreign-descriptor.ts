import { closeSync, readFileSync } from "node:fs";
import { copyDescriptor, openPid } from "./connect-calls.ts";

/** A copy of a thread's descriptor, or the number of an error as a negative one. */
export function descriptorOf(thread: number, descriptor: number): number {
  const process = openPid(groupOf(thread));
  if (process < 0) return process;
  const fd = copyDescriptor(process, descriptor);
  closeSync(process);
  return fd;
}

/** The process of a thread: only a process has a descriptor that can be asked. */
function groupOf(thread: number): number {
  try {
    return Number(/^Tgid:\t([0-9]+)$/m.exec(readFileSync(`/proc/${thread}/status`, "latin1"))?.[1] ?? -1);
  } catch {
    return -1;
  }
}

/** An `int` argument: the kernel does not look at the high half. */
export function toInt(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}
