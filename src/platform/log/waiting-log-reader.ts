import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { LogReader } from "./log-powers.ts";
import { absent, lengthOf, logPaths, READ_FLAGS, unreadable } from "./log-reader.ts";

/** Files after which whatever else the process has to do gets its turn: a few milliseconds of verification. */
const TURN_FILES = 8;

/**
 * Opens a folder of log files for reading only, like `openLogReader`, for a process or a worker with nothing else to do:
 * each call waits for the disk where it stands. One file takes four calls of the kernel; to pass each to another thread
 * and back costs more than all of them, and the more the busier the machine is.
 */
export function openWaitingLogReader(root: string): LogReader {
  const at = logPaths(root);
  let files = 0;
  return Object.freeze({
    async read(path: string) {
      const file = at(path);
      files += 1;
      if (files % TURN_FILES === 0) await turn();
      return inWords(path, () => readWhole(file));
    },
    async list(folder: string) {
      const whole = at(folder);
      return inWords(folder, () => listNames(whole));
    },
  });
}

function inWords<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    return unreadable(path, error);
  }
}

function readWhole(file: string): Uint8Array | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, READ_FLAGS);
  } catch (error) {
    return absent(error);
  }
  try {
    const bytes = new Uint8Array(lengthOf(fstatSync(descriptor)));
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(descriptor, bytes, filled, bytes.length - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}

function listNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    return absent(error) ?? [];
  }
}
