import { constants, readdirSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

/** Keys that wrap other keys, each for an epoch; destroyed with their epoch. One process has them. */
export interface EpochKeys {
  readonly epoch: number;
  /** The 32-byte key of an epoch, or null when there is none. */
  key(epoch: number): Uint8Array | null;
  advance(): number;
  /** Resolves when the others are destroyed durably; until then they are there, and the current one stays what it is. */
  retire(epoch: number): Promise<void>;
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
    async retire(epoch) {
      if (!keys.has(epoch)) throw new RangeError(`Cannot begin epoch ${epoch}: it has no key`);
      const others = [...keys.keys()].filter((each) => each !== epoch);
      for (const older of others) await destroyFile(at(older));
      await syncFolder(folder);
      // In one turn: whoever reads meanwhile has either the old epoch with its key or the new one.
      for (const older of others) {
        keys.get(older)?.fill(0);
        keys.delete(older);
      }
      current = epoch;
    },
  };
}

/** Overwritten and removed. Whether the medium keeps what was there is the medium's matter (docs/decisions/erasure.md). */
async function destroyFile(path: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    await file.write(new Uint8Array(size), 0, size, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await rm(path);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
