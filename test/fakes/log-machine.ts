import type { Log } from "../../src/monitor/log/log.ts";
import { verifyLog, type LogVerdict } from "../../src/monitor/log/verify.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
import { CRYPTO, openTestLog, ORIGIN, SIGNER, STILL, testKeys } from "./open-log.ts";
import { readAll } from "./records.ts";

/** A machine in memory with the two disks of a log: its folder, and the one with its key slots. */
export interface LogMachine {
  readonly log: MemoryDisk;
  readonly keys: MemoryDisk;
}

/** Makes a machine with empty disks. */
export function newMachine(): LogMachine {
  return { log: createMemoryDisk(), keys: createMemoryDisk() };
}

/** A machine with what is on another's disks, where nothing runs yet. */
export function copyOf(machine: LogMachine): LogMachine {
  const copy = newMachine();
  for (const name of ["log", "keys"] as const) {
    for (const path of machine[name].paths()) copy[name].put(path, machine[name].bytes(path) ?? new Uint8Array());
  }
  return copy;
}

/** Opens the log of a machine, at the start of that name. Checkpoints are published only when asked for. */
export function openOn({ log, keys }: LogMachine, start = "0".repeat(32)): Promise<Log> {
  return openTestLog("", { files: log.open(), keys: testKeys(keys.open()), timer: STILL, start });
}

/** Verifies the log of a machine from its public files. */
export function verifyOn({ log }: LogMachine, earlier?: string): Promise<LogVerdict> {
  const options = { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN };
  return verifyLog(log.open(), earlier === undefined ? options : { ...options, earlier: [earlier] });
}

/** The words of all records that `note` made. */
export async function whys(log: Log): Promise<readonly string[]> {
  return (await readAll(log)).map(({ record }) => (record.kind === "stop" ? record.why : record.kind));
}

/** `0`, `1`, … as `appendMany` names its records. */
export function counted(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => String(at));
}
