import { closeSync, constants, fstatSync, fsyncSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Keys that wrap other keys, each for an epoch; destroyed with their epoch. One process has them. */
export interface EpochKeys {
  readonly epoch: number;
  /** The 32-byte key of an epoch, or null when there is none. */
  key(epoch: number): Uint8Array | null;
  advance(): number;
  retire(epoch: number): void;
}

const NAME = /^payload-epoch-(?<epoch>[1-9][0-9]{0,8})$/;

/**
 * Opens the keys of a folder, or makes that of epoch 1. Where there are several, an end of an epoch was interrupted before
 * it was one, and the oldest is the current.
 */
export function openEpochKeys(folder: string, openKey: (path: string) => Uint8Array): EpochKeys {
  const at = (epoch: number): string => join(folder, `payload-epoch-${epoch}`);
  const found = readdirSync(folder).flatMap((name) => {
    const epoch = NAME.exec(name)?.groups?.["epoch"];
    return epoch === undefined ? [] : [Number(epoch)];
  });
  const keys = new Map((found.length === 0 ? [1] : found).map((epoch) => [epoch, openKey(at(epoch))]));
  let current = Math.min(...keys.keys());
  return {
    get epoch() {
      return current;
    },
    key: (epoch) => keys.get(epoch) ?? null,
    advance() {
      const next = Math.max(...keys.keys()) + 1;
      keys.set(next, openKey(at(next)));
      return next;
    },
    retire(epoch) {
      if (!keys.has(epoch)) throw new RangeError(`Cannot begin epoch ${epoch}: it has no key`);
      for (const [older, key] of keys) {
        if (older === epoch) continue;
        destroyFile(at(older));
        key.fill(0);
        keys.delete(older);
      }
      syncFolder(folder);
      current = epoch;
    },
  };
}

/** Overwritten and removed. Whether the medium keeps what was there is the medium's matter (docs/decisions/erasure.md). */
function destroyFile(path: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    writeSync(fd, new Uint8Array(fstatSync(fd).size));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  rmSync(path);
}

function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
