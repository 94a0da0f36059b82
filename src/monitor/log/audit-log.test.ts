import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { counted, newMachine, openOn, verifyOn, whys } from "../../../test/fakes/log-machine.ts";
import { CRYPTO, openTestLog, ORIGIN, SIGNER } from "../../../test/fakes/open-log.ts";
import { appendMany, note, readAll } from "../../../test/fakes/records.ts";
import { createTreeHasher } from "../../protocol/merkle.ts";
import { verifyConsistency, verifyInclusion } from "../../protocol/merkle-proof.ts";
import { encodeUtf8, toBase64 } from "../../protocol/bytes.ts";
import { canonicalize } from "../../kernel/canonical.ts";
import { verifyProof } from "../../protocol/log-proof.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Log } from "./log.ts";

const hasher = createTreeHasher((data) => CRYPTO.sha256(data));
const homes: string[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true });
});
function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), "log test "));
  homes.push(home);
  return home;
}
describe("settling", () => {
  test("gives a checkpoint over what was durable then, all of it outside the journal, while records come", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 300);
    const [before, settled, after] = [appendMany(log, 100), log.settle(), appendMany(log, 100)];
    const { size } = await settled;
    expect(size).toBeGreaterThanOrEqual(300);
    expect(machine.log.paths()).toContain(`journal/${String(size).padStart(16, "0")}`);
    const older = machine.log.paths().filter((path) => path.startsWith("journal/") && Number(path.slice(8)) < size);
    expect(older).toEqual([]);
    await Promise.all([before, after]);
    expect((await log.settle()).size).toBe(500);
    expect((await log.settle()).size).toBe(500);
    await log.append(note("on"), null);
    await log.close();
    expect(await whys(await openOn(machine))).toHaveLength(501);
  });

  test("is refused by a log that is closed, or that failed", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await log.append(note(0), null);
    machine.log.trouble = () => "before";
    await expect(log.settle()).rejects.toMatchObject({ code: "log-unavailable" });
    machine.log.trouble = () => "none";
    await log.recover();
    expect((await log.settle()).size).toBe(1);
    await log.close();
    await expect(log.settle()).rejects.toMatchObject({ code: "log-closed" });
  });
});

describe("appending", () => {
  test("gives numbers in the order of the calls, and the promises resolve in it", async () => {
    const log = await openOn(newMachine());
    const order: number[] = [];
    const appended = Array.from({ length: 500 }, (_, at) => log.append(note(at), null).then((seq) => order.push(seq)));
    await Promise.all(appended);
    expect(order).toEqual(Array.from({ length: 500 }, (_, at) => at));
    expect(await whys(log)).toEqual(counted(500));
  });

  test("in one turn shares one sync, and during a sync shares the next", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await log.append(note("warm"), null);
    const appends = (): number => machine.log.calls.filter(({ name }) => name === "append").length;
    const before = appends();
    const first = appendMany(log, 100);
    await Promise.resolve();
    await Promise.resolve();
    const second = appendMany(log, 100);
    await Promise.all([first, second]);
    expect(appends() - before).toBe(2);
  });

  test("keeps what was handed over, whatever the caller does to it afterwards", async () => {
    const log = await openOn(newMachine());
    const payload: { text: string } = { text: "before" };
    const appended = log.append(note(0), payload);
    payload.text = "after";
    await appended;
    expect((await readAll(log))[0]?.payload).toEqual({ text: "before" });
  });

  test("refuses a record or payload that is too large or no JSON, and goes on with the next number", async () => {
    const log = await openOn(newMachine());
    await expect(log.append(note("x".repeat(70_000)), null)).rejects.toMatchObject({ code: "record-too-large" });
    await expect(log.append(note(0), { text: "x".repeat(17 * 1024 * 1024) })).rejects.toMatchObject({
      code: "record-too-large",
    });
    await expect(log.append(note(0), { number: Number.NaN })).rejects.toMatchObject({ code: "not-json" });
    expect(await log.append(note("x".repeat(65_000)), { text: "fits" })).toBe(0);
  });

  test("commits to the payload without showing it, and gives it back", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await log.append(note(0), { secret: "a word nobody may read" });
    await log.append(note(1), { secret: "a word nobody may read" });
    await log.close();
    for (const path of machine.log.paths()) {
      expect(Buffer.from(machine.log.bytes(path) ?? []).includes("nobody may read"), path).toBe(false);
    }
    const again = await openOn(machine);
    const [first, second] = await readAll(again);
    expect(first?.payload).toEqual({ secret: "a word nobody may read" });
    // Salted: two equal payloads have two digests.
    expect(first?.record.payload?.digest).not.toBe(second?.record.payload?.digest);
    expect(first?.record.payload?.bytes).toBe(canonicalize(first?.payload ?? {}).length);
  });

  test("after the key of a payload is destroyed, gives the record without it and still proves it", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 10);
    await log.close();
    const slots = Buffer.from(machine.keys.bytes("slots-1") ?? []);
    machine.keys.put("slots-1", slots.fill(0, 64 + 4 * 32, 64 + 5 * 32));
    const again = await openOn(machine);
    const entries = await readAll(again);
    expect(entries.map(({ payload }) => payload === null)).toEqual(entries.map((_, at) => at % 3 === 0 || at === 4));
    expect(entries[4]?.record.payload).not.toBeNull();
    await again.close();
    expect(await verifyOn(machine)).toMatchObject({ kind: "verified", size: 10 });
  });
});

describe("a log that was closed and opened again", () => {
  test("goes on where it was, at any sizes and however often", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 5 }), async (counts) => {
        const machine = newMachine();
        let size = 0;
        let earlier: string | undefined;
        for (const count of counts) {
          const log = await openOn(machine);
          expect(log.size).toBe(size);
          await appendMany(log, count, size);
          size += count;
          expect(await whys(log)).toEqual(counted(size));
          await log.close();
          expect(await verifyOn(machine, earlier)).toMatchObject({ kind: "verified", size });
          earlier = Buffer.from(machine.log.bytes("checkpoint") ?? []).toString();
        }
      }),
      { numRuns: 15 },
    );
  });

  test.each([256, 512, 257, 255])(
    "of %i records, at and around the width of a tile, is closed again and goes on",
    async (size) => {
      const machine = newMachine();
      const first = await openOn(machine);
      await appendMany(first, size);
      await first.close();
      // Nothing is written in between: the level of the leaves holds no partial tile.
      for (let round = 0; round < 2; round += 1) {
        const again = await openOn(machine);
        expect(again.size).toBe(size);
        await again.checkpoint();
        await again.close();
      }
      const last = await openOn(machine);
      await appendMany(last, 3, size);
      await last.close();
      expect(await verifyOn(machine)).toMatchObject({ kind: "verified", size: size + 3 });
    },
  );

  test("moves segments into tiles and payload files while it is written to", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    const text = "x".repeat(200_000);
    for (let at = 0; at < 100; at += 1) await log.append(note(at), { at, text });
    expect(await log.checkpoint()).toMatchObject({ size: 100 });
    expect(machine.log.paths().filter((path) => path.startsWith("payload/")).length).toBeGreaterThan(1);
    expect(machine.log.paths().filter((path) => path.startsWith("journal/")).length).toBe(1);
    expect((await readAll(log)).map(({ payload }) => payload?.["at"])).toEqual(
      Array.from({ length: 100 }, (_, at) => at),
    );
    await log.close();
    const again = await openOn(machine);
    expect((await readAll(again)).map(({ payload }) => payload?.["at"])).toEqual(
      Array.from({ length: 100 }, (_, at) => at),
    );
  });

  test("gives only what is named and reads nothing that is sealed beside the others", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 600);
    await log.close();
    const again = await openOn(machine);
    const all = await readAll(again);
    const read = (only: readonly number[]) => again.entries(0, 600, new Set(only));
    expect(await fromAsync(read([0, 7, 8, 300, 599, 999]))).toEqual([0, 7, 8, 300, 599].map((at) => all[at]));
    expect(await fromAsync(again.entries(2, 5, new Set([1, 3, 5])))).toEqual([all[3]]);
    const bare = all.map(({ record, payload }) => ({ record, kept: payload !== null }));
    expect(await fromAsync(again.records(0, 600))).toEqual(bare);
    // Payloads that cannot be read are in nobody's way but theirs who ask for them.
    const path = machine.log.paths().find((each) => each.startsWith("payload/")) ?? "";
    machine.log.put(path, Buffer.from(machine.log.bytes(path) ?? []).fill(0, 4000));
    await expect(readAll(again)).rejects.toMatchObject({ code: "log-damaged" });
    await expect(fromAsync(read([599]))).rejects.toMatchObject({ code: "log-damaged" });
    expect(await fromAsync(read([1, 2]))).toEqual([all[1], all[2]]);
    expect(await fromAsync(again.records(0, 600))).toEqual(bare);
  });

  test("is the same on a real disk, where a second opener is refused until the first closes", async () => {
    const home = newHome();
    const log = await openTestLog(home);
    await appendMany(log, 300);
    await expect(openTestLog(home)).rejects.toMatchObject({ code: "home-in-use" });
    await log.close();
    await expect(log.append(note(0), null)).rejects.toMatchObject({ code: "log-closed" });
    const again = await openTestLog(home);
    expect(await whys(again)).toEqual(counted(300));
    await again.close();
  });
});

describe("proofs", () => {
  test("of every record at every kind of size verify, before and after reopening", async () => {
    const machine = newMachine();
    const first = await openOn(machine);
    await appendMany(first, 700);
    const { note: checkpoint, size, root } = await first.checkpoint();
    await first.close();
    const log = await openOn(machine);
    await appendMany(log, 100, 700);
    for (const seq of [0, 1, 255, 256, 511, 512, 699]) {
      const [entry] = await collect(log, seq);
      const text = canonicalize(entry?.record as unknown as JsonObject);
      const path = await log.inclusion(seq, size);
      expect(verifyInclusion(hasher, { index: seq, size, leaf: hasher.leaf(encodeUtf8(text)), path, root })).toBe(true);
      const proof = { v: 1, seq, record: text, path: path.map(toBase64), checkpoint } as const;
      const options = { powers: CRYPTO, publicKey: SIGNER.publicKey, origin: ORIGIN };
      expect(verifyProof(proof, options)).toMatchObject({ kind: "verified", checkpoint: { size: 700 } });
      expect(verifyProof({ ...proof, record: text.replace("stop", "stop ") }, options).kind).toBe("refused");
      expect(verifyProof({ ...proof, seq: seq + 1 }, options).kind).toBe("refused");
      expect(verifyProof({ ...proof, path: proof.path.slice(1) }, options).kind).toBe("refused");
      expect(verifyProof({ ...proof, path: ["AAAA", ...proof.path.slice(1)] }, options).kind).toBe("refused");
      expect(verifyProof({ ...proof, checkpoint: checkpoint.replace("700", "701") }, options).kind).toBe("refused");
      expect(verifyProof(proof, { ...options, origin: "another" }).kind).toBe("refused");
      expect(verifyProof(proof, { ...options, publicKey: new Uint8Array(32) }).kind).toBe("refused");
    }
    for (const from of [0, 1, 255, 256, 257, 700, 800]) {
      const now = await log.checkpoint();
      const path = await log.consistency(Math.min(from, size), now.size);
      const claim = {
        from: size,
        to: now.size,
        path: await log.consistency(size, now.size),
        fromRoot: root,
        toRoot: now.root,
      };
      expect(verifyConsistency(hasher, claim)).toBe(true);
      expect(path.length).toBeLessThan(25);
    }
    await expect(log.inclusion(0, 801)).rejects.toThrow(RangeError);
    await expect(log.inclusion(700, 700)).rejects.toThrow(RangeError);
  });

  test("are not given when a tile was changed under the log", async () => {
    const machine = newMachine();
    const log = await openOn(machine);
    await appendMany(log, 600);
    await log.checkpoint();
    const tile = Uint8Array.from(machine.log.bytes("tile/0/000") ?? []);
    machine.log.put("tile/0/000", tile.with(40, (tile[40] ?? 0) ^ 1));
    await expect(log.inclusion(0, 600)).rejects.toMatchObject({ code: "log-damaged" });
    await expect(log.inclusion(255, 600)).rejects.toMatchObject({ code: "log-damaged" });
    // The proof of this one needs only what is above that tile, and is good.
    expect(await log.inclusion(599, 600)).toHaveLength(6);
  });
});

async function collect(log: Log, seq: number): Promise<Awaited<ReturnType<typeof readAll>>> {
  const entries = [];
  for await (const entry of log.entries(seq, seq + 1)) entries.push(entry);
  return entries;
}

async function fromAsync<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const each of from) found.push(each);
  return found;
}
