import type { Crypto, Random } from "../../platform/powers.ts";
import type { LogFiles } from "../../platform/log/log-powers.ts";
import type { LogKeys } from "./keys.ts";
import { CHUNK_BYTES, openSlots, SLOT_BYTES, SLOTS } from "./slots.ts";

/** Data keys of a log for another place, under the key of an epoch of their own. */
export interface CopiedSlots {
  readonly epoch: number;
  /** 32 bytes, fresh: no key of the home leaves it. */
  readonly key: Uint8Array;
  /** The file of that epoch. */
  readonly slots: Uint8Array;
}

/**
 * Copies the data keys of the first `size` records, without those of some, of which nothing is left. What was made for records
 * to come is replaced by other random keys, so that no copy opens them. Throws RangeError when a chunk cannot be read; then an
 * epoch may have ended meanwhile, and it can be tried again.
 */
export async function copySlots(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly from: Pick<LogKeys, "epoch" | "key"> & { readonly files: Pick<LogFiles, "readRange"> };
  readonly size: number;
  readonly without: readonly number[];
}): Promise<CopiedSlots> {
  const { crypto, random, from, size, without } = options;
  const older = from.epoch;
  const [epoch, key] = [older + 1, random.bytes(32)];
  const slots = new Uint8Array(Math.ceil(size / SLOTS) * CHUNK_BYTES);
  const keys: LogKeys = {
    epoch: older,
    key: (of) => (of === epoch ? key : of === older ? from.key(older) : null),
    files: {
      readRange: (path, range) => from.files.readRange(path, range),
      writeRange: (_path, { offset, bytes }) => {
        slots.set(bytes, offset);
        return Promise.resolve();
      },
      remove: () => Promise.resolve(),
    },
    advance: () => epoch,
    retire: () => Promise.resolve(),
  };
  const opened = await openSlots({ crypto, random, keys, size });
  await opened.rewrap(epoch, without);
  for (let chunk = 0; chunk < slots.length; chunk += CHUNK_BYTES)
    if (slots[chunk] === 0) throw new RangeError(`Cannot copy keys: those from ${chunk / CHUNK_BYTES} on are missing`);
  const spare = (SLOTS - (size % SLOTS)) % SLOTS;
  slots.set(random.bytes(spare * SLOT_BYTES), slots.length - spare * SLOT_BYTES);
  return { epoch, key, slots };
}
