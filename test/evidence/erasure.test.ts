import { describe, expect, test } from "vitest";
import type { Log } from "../../src/monitor/log/log.ts";
import { openLog } from "../../src/monitor/log/open.ts";
import { createClock } from "../../src/platform/clock.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { readProof } from "../../src/protocol/proof-file.ts";
import { verifyProof } from "../../src/protocol/log-proof.ts";
import { createMemoryDisk, type MemoryDisk } from "../fakes/memory-disk.ts";
import { CRYPTO, ORIGIN, SIGNER, STILL, testEpochs } from "../fakes/open-log.ts";
import { note, readAll } from "../fakes/records.ts";
import { prove, publicCopy, verify } from "./logs.ts";

/*
 * A payload whose key was destroyed is not in any file of the home, nor in any of a copy made before, as long as the copy
 * has no epoch key. The attacker of these tests has both, in every combination.
 */

interface Home {
  readonly log: MemoryDisk;
  readonly slots: MemoryDisk;
  /** Epochs whose keys are destroyed. */
  readonly gone: Set<number>;
}

const newHome = (): Home => ({ log: createMemoryDisk(), slots: createMemoryDisk(), gone: new Set() });

async function open({ log, slots, gone }: Home): Promise<Log> {
  // The log's own lock is what keeps others out; this one only satisfies the disk, which asks for one a folder.
  slots.kill();
  const keyFiles = slots.open();
  await keyFiles.hold();
  return openLog({
    files: log.open(),
    keys: Object.assign(testEpochs(gone), { files: keyFiles }),
    crypto: CRYPTO,
    random: createRandom(),
    clock: createClock(),
    timer: STILL,
    signer: SIGNER,
    origin: ORIGIN,
    start: "0".repeat(32),
  });
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const path of disk.paths()) copy.put(path, disk.bytes(path) ?? new Uint8Array());
  return copy;
}
/** A copy of all files but the epoch keys: what it opens is decided by those that are left in the home. */
const backup = ({ log, slots, gone }: Home): Home => ({ log: copyOf(log), slots: copyOf(slots), gone });

async function payloadsOf(home: Home): Promise<readonly (string | null)[]> {
  const log = await open(home);
  const entries = await readAll(log);
  await log.close();
  return entries.map(({ payload }) => (typeof payload?.["text"] === "string" ? payload["text"] : null));
}

async function fill(log: Log, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, at) => log.append(note(at), { text: `secret of ${log.size + at}` })),
  );
}

describe("an erased payload", () => {
  test("is gone from the home, others are not, and the record's proof still verifies", async () => {
    const home = newHome();
    const log = await open(home);
    await fill(log, 10);
    const before = await prove(log, 4);
    await log.erase([4, 7]);
    const after = await prove(log, 4);
    await fill(log, 2);
    await log.close();
    const left = await payloadsOf(home);
    expect(left.flatMap((text, seq) => (text === null ? [seq] : []))).toEqual([4, 7]);
    expect(left[5]).toBe("secret of 5");
    expect(await verify(publicCopy(home.log))).toMatchObject({ kind: "verified", size: 12 });
    for (const file of [before, after]) {
      const proof = readProof(file);
      const options = { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN };
      expect(proof === null ? null : verifyProof(proof, options)).toMatchObject({ kind: "verified" });
    }
  });

  test("is not opened with a copy from before, whatever of it is put back", async () => {
    const home = newHome();
    const first = await open(home);
    await fill(first, 10);
    await first.close();
    const kept = backup(home);
    // The same attack before anything is erased: the copy and the home's epoch key open everything.
    expect(await payloadsOf(backup(kept))).toHaveLength(10);
    expect((await payloadsOf(backup(kept)))[4]).toBe("secret of 4");
    const log = await open(home);
    await log.erase([4]);
    await log.close();
    // The old log and the old slots, with the key that the home has now.
    await expect(payloadsOf(backup(kept))).rejects.toThrow();
    // The log of now with the old slots under each name that they could be read by.
    for (const name of ["slots-1", "slots-2"]) {
      const mixed = backup(home);
      mixed.slots.put(name, kept.slots.bytes("slots-1") ?? new Uint8Array());
      const opened = await payloadsOf(mixed).catch(() => []);
      expect(opened[4] ?? null, name).toBeNull();
    }
    expect([...home.gone]).toEqual([1]);
    expect(home.slots.paths()).toEqual(["slots-2"]);
  });

  test("would be opened so when only its slot were overwritten: that is what the epochs are for", async () => {
    const home = newHome();
    const log = await open(home);
    await fill(log, 10);
    await log.close();
    const kept = backup(home);
    const slots = Buffer.from(home.slots.bytes("slots-1") ?? []);
    home.slots.put("slots-1", slots.fill(0, 64 + 4 * 32, 64 + 5 * 32));
    expect((await payloadsOf(backup(home)))[4]).toBeNull();
    const mixed = backup(home);
    mixed.slots.put("slots-1", kept.slots.bytes("slots-1") ?? new Uint8Array());
    expect((await payloadsOf(mixed))[4]).toBe("secret of 4");
  });

  test("stays gone through later erasures, starts and many chunks of keys", async () => {
    const home = newHome();
    let log = await open(home);
    await fill(log, 2500);
    await log.erase([10]);
    await log.close();
    log = await open(home);
    await fill(log, 2000);
    await log.erase([2049, 4499]);
    await log.close();
    const left = await payloadsOf(home);
    expect(left.flatMap((text, seq) => (text === null ? [seq] : []))).toEqual([10, 2049, 4499]);
    expect([...home.gone]).toEqual([1, 2]);
  });
});

test("records that come meanwhile wait, and lose nothing", async () => {
  const home = newHome();
  const log = await open(home);
  await fill(log, 100);
  const appended: Promise<number>[] = [];
  const erased = [log.erase([1]), log.erase([2])];
  for (let count = 0; count < 50; count += 1) appended.push(log.append(note(count), { text: "late" }));
  await Promise.all([...erased, ...appended]);
  expect(await Promise.all(appended)).toEqual(Array.from({ length: 50 }, (_, at) => 100 + at));
  await log.close();
  const left = await payloadsOf(home);
  expect(left).toHaveLength(150);
  expect(left.flatMap((text, seq) => (text === null ? [seq] : []))).toEqual([1, 2]);
});

test("what is no record is not erased", async () => {
  const log = await open(newHome());
  await fill(log, 3);
  for (const bad of [[3], [-1], [0.5], [0, 99]]) await expect(log.erase(bad)).rejects.toThrow(RangeError);
  expect((await readAll(log)).every(({ payload }) => payload !== null)).toBe(true);
});

describe("a crash in the middle", () => {
  test("at any write leaves a log that opens, in which the payload is there or gone and all others are there", async () => {
    let calls = 0;
    for (let at = 0; ; at += 1) {
      const home = newHome();
      const log = await open(home);
      await fill(log, 30);
      let count = 0;
      let cut = false;
      for (const disk of [home.log, home.slots]) {
        disk.trouble = () => {
          if (cut) return "before";
          count += 1;
          cut = count > at;
          return cut ? "halfway" : "none";
        };
      }
      const done = await log.erase([4]).then(
        () => true,
        () => false,
      );
      for (const disk of [home.log, home.slots]) {
        disk.losePower();
        disk.trouble = () => "none";
      }
      const left = await payloadsOf(home);
      expect(left, `cut at ${at}`).toHaveLength(30);
      expect(
        left.flatMap((text, seq) => (text === null && seq !== 4 ? [seq] : [])),
        `cut at ${at}`,
      ).toEqual([]);
      // And it can be done again, for good.
      const again = await open(home);
      await again.erase([4]);
      await again.close();
      expect((await payloadsOf(home))[4], `cut at ${at}`).toBeNull();
      if (done) break;
      calls += 1;
    }
    expect(calls).toBeGreaterThan(5);
  });
});
