import { expect, test } from "vitest";
import { createMemoryDisk } from "../../../test/fakes/memory-disk.ts";
import { CRYPTO, testEpochs } from "../../../test/fakes/open-log.ts";
import { createRandom } from "../../platform/keys/random.ts";
import { copySlots } from "./copy-slots.ts";
import type { LogKeys } from "./keys.ts";
import { openSlots } from "./slots.ts";

const random = createRandom();

/** Slots of so many records in memory, and the keys that were given out, further ones than that too. */
async function made(size: number, more: number) {
  const disk = createMemoryDisk();
  const files = disk.open();
  await files.hold();
  const keys: LogKeys = Object.assign(testEpochs(), { files });
  const slots = await openSlots({ crypto: CRYPTO, random, keys, size: 0 });
  const given = Array.from({ length: size + more }, (_, seq) => slots.next(seq).slice());
  await slots.durable(0, size + more - 1);
  return { disk, keys, given };
}

/** Opens a copy as a restored home would. */
async function opened(copy: Awaited<ReturnType<typeof copySlots>>, size: number) {
  const disk = createMemoryDisk();
  disk.put(`slots-${copy.epoch}`, copy.slots);
  const files = disk.open();
  await files.hold();
  const epochs = { ...testEpochs(), epoch: copy.epoch, key: (of: number) => (of === copy.epoch ? copy.key : null) };
  return openSlots({ crypto: CRYPTO, random, keys: { ...epochs, files }, size });
}

test.each([[1], [2047], [2048], [2049], [4500]])(
  "of %i records every key is copied but those left out, and none of a record that came later",
  async (size) => {
    const { disk, keys, given } = await made(size, 100);
    const before = disk.paths().map((path) => [path, disk.bytes(path)]);
    const without = size > 3 ? [0, size - 1] : [];
    const copy = await copySlots({ crypto: CRYPTO, random, from: keys, size, without });
    expect(disk.paths().map((path) => [path, disk.bytes(path)])).toEqual(before);
    expect(copy.key).not.toEqual(keys.key(copy.epoch));
    const slots = await opened(copy, size);
    for (const seq of [0, 1, size - 1].filter((each) => each < size))
      expect(await slots.read(seq), `of ${seq}`).toEqual(without.includes(seq) ? null : given[seq]);
    for (let seq = size; seq < size + 100; seq += 1) {
      const key = slots.next(seq);
      expect(key).not.toEqual(given[seq]);
      expect(key.some((byte) => byte !== 0)).toBe(true);
    }
  },
);

test("what cannot be read is no copy: a chunk that is gone, a key that was destroyed, an epoch that ended meanwhile", async () => {
  const { keys } = await made(3000, 0);
  const copy = (from: Partial<LogKeys>, size = 3000) =>
    copySlots({ crypto: CRYPTO, random, from: { ...keys, epoch: keys.epoch, ...from }, size, without: [] });
  await expect(copy({})).resolves.toMatchObject({ epoch: 2 });
  await expect(copy({}, 6000)).rejects.toThrow(RangeError);
  await expect(copy({ key: () => null })).rejects.toThrow(RangeError);
  const readRange = () => Promise.resolve(null);
  await expect(copy({ files: { ...keys.files, readRange } })).rejects.toThrow(RangeError);
});

test("of no record there is nothing to copy", async () => {
  const { keys } = await made(1, 0);
  const copy = await copySlots({ crypto: CRYPTO, random, from: keys, size: 0, without: [] });
  expect(copy.slots).toHaveLength(0);
});
