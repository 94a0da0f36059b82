import { beforeEach, expect, test } from "vitest";
import { createMemoryDisk, type MemoryDisk } from "../../../test/fakes/memory-disk.ts";
import { CRYPTO, testEpochs } from "../../../test/fakes/open-log.ts";
import { createRandom } from "../../platform/keys/random.ts";
import type { LogKeys } from "./keys.ts";
import { openSlots, type KeySlots } from "./slots.ts";

/** Records of a chunk. */
const CHUNK = 2048;

let disk: MemoryDisk;
let keys: LogKeys;
let slots: KeySlots;
let reads: number;
/** What happens when a chunk was read and its reader has not got it yet, once. */
let meanwhile: (() => Promise<void>) | null;
/** Keys of records in three chunks, as they were given out. */
let given: ReadonlyMap<number, Uint8Array>;

beforeEach(async () => {
  disk = createMemoryDisk();
  reads = 0;
  meanwhile = null;
  const files = disk.open();
  await files.hold();
  keys = Object.assign(testEpochs(), {
    files: {
      ...files,
      async readRange(path: string, range: { readonly offset: number; readonly length: number }) {
        reads += 1;
        const bytes = await files.readRange(path, range);
        const now = meanwhile;
        meanwhile = null;
        await now?.();
        return bytes;
      },
    },
  });
  slots = await openSlots({ crypto: CRYPTO, random: createRandom(), keys, size: 0, atHand: 2 });
  const made = new Map<number, Uint8Array>();
  for (let seq = 0; seq < 3 * CHUNK; seq += 1) made.set(seq, slots.next(seq).slice());
  await slots.durable(0, 3 * CHUNK - 1);
  given = made;
  reads = 0;
});

test("chunks at hand are read from disk once, and one more takes the place of the oldest", async () => {
  for (const seq of [5, CHUNK + 5, 6, CHUNK + 6]) expect(await slots.read(seq)).toEqual(given.get(seq));
  expect(reads).toBe(2);
  const held = await slots.read(7);
  expect(await slots.read(2 * CHUNK)).toEqual(given.get(2 * CHUNK));
  expect(await slots.read(8)).toEqual(given.get(8));
  expect(reads).toBe(4);
  // What somebody was given stays good when its chunk is forgotten.
  expect(held).toEqual(given.get(7));
});

test("what was changed on disk is read after a refresh", async () => {
  expect(await slots.read(5)).toEqual(given.get(5));
  const bytes = Uint8Array.from(disk.bytes("slots-1") ?? []);
  bytes.fill(0, 64 + 5 * 32, 64 + 6 * 32);
  disk.put("slots-1", bytes);
  slots.refresh();
  expect([await slots.read(5), await slots.read(6)]).toEqual([null, given.get(6)]);
});

async function destroy(seq: number): Promise<void> {
  const older = keys.epoch;
  const epoch = keys.advance();
  await slots.rewrap(epoch, [seq]);
  await keys.retire(epoch);
  await slots.use(older);
}

test("a destroyed key is gone from memory and from disk, at once and after more ends of epochs, and no other is", async () => {
  await slots.read(5);
  await destroy(5);
  await destroy(CHUNK + 5);
  for (const seq of [5, CHUNK + 5]) expect([seq, await slots.read(seq)]).toEqual([seq, null]);
  for (const seq of [4, 6, CHUNK + 4, 2 * CHUNK + 5])
    expect([seq, await slots.read(seq)]).toEqual([seq, given.get(seq)]);
  const again = await openSlots({ crypto: CRYPTO, random: createRandom(), keys, size: 3 * CHUNK });
  expect([await again.read(5), await again.read(6)]).toEqual([null, given.get(6)]);
});

test("a chunk that was being read when its epoch ended is read again: what stays is there, what was destroyed is not", async () => {
  meanwhile = () => destroy(5);
  expect(await slots.read(6)).toEqual(given.get(6));
  expect(await slots.read(5)).toBeNull();
});

test("where the key of an epoch was lost, what it had is blank: keys are wrapped anew without it where that is asked for", async () => {
  const lost = Object.assign(testEpochs(new Set([1])), { files: keys.files });
  const open = (passBlank: boolean) =>
    openSlots({ crypto: CRYPTO, random: createRandom(), keys: lost, size: 3 * CHUNK, passBlank });
  expect([await slots.isBlank(5), await (await open(true)).isBlank(5)]).toEqual([false, true]);
  await expect((await open(false)).rewrap(lost.advance(), [])).rejects.toThrow("Cannot wrap slot chunk 0 anew");
  const opened = await open(true);
  const fresh = opened.next(3 * CHUNK).slice();
  await opened.durable(3 * CHUNK, 3 * CHUNK);
  const older = lost.epoch;
  const epoch = lost.advance();
  await opened.rewrap(epoch, []);
  await lost.retire(epoch);
  await opened.use(older);
  expect([await opened.read(5), await opened.read(3 * CHUNK)]).toEqual([null, fresh]);
  // What is there and is no chunk is not gone past.
  disk.put(`slots-${epoch}`, (disk.bytes(`slots-${epoch}`) ?? new Uint8Array()).slice().fill(1, 0, 16));
  await expect(opened.rewrap(lost.advance(), [])).rejects.toThrow("Cannot wrap slot chunk 0 anew");
});
