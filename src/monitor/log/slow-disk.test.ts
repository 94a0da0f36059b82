import { expect, test } from "vitest";
import { createMemoryDisk } from "../../../test/fakes/memory-disk.ts";
import { openOn, verifyOn, whys } from "../../../test/fakes/log-machine.ts";
import { openTestLog, STILL, testKeys } from "../../../test/fakes/open-log.ts";
import { note } from "../../../test/fakes/records.ts";
import type { LogFiles } from "../../platform/log/log-powers.ts";
import { SLOW_MS } from "./pace.ts";

const SYNC_MS = 200;
const MEBIBYTE = 1024 * 1024;

/** A log over a disk whose syncs end when the test says so, each after 200 ms of the log's own clock. */
async function openSlow() {
  const machine = { log: createMemoryDisk(), keys: createMemoryDisk() };
  let micros = 0;
  const held: (() => void)[] = [];
  let asked = Promise.withResolvers<void>();
  let slow = true;
  const files: LogFiles = machine.log.open();
  const behindGate: LogFiles = {
    ...files,
    append: async (path) => {
      const file = await files.append(path);
      return {
        close: () => file.close(),
        append: async (bytes) => {
          if (slow) {
            const gate = Promise.withResolvers<void>();
            held.push(gate.resolve);
            asked.resolve();
            await gate.promise;
            micros += SYNC_MS * 1000;
          }
          await file.append(bytes);
        },
      };
    },
  };
  const log = await openTestLog("", {
    files: behindGate,
    keys: testKeys(machine.keys.open()),
    timer: STILL,
    clock: { wall: () => 1_800_000_000_000, boot: () => 0, micros: () => micros },
  });
  return {
    machine,
    log,
    /** Resolves when a sync is under way. */
    async underWay(): Promise<void> {
      if (held.length === 0) await asked.promise;
    },
    /** The one that is under way ends. */
    release(): void {
      asked = Promise.withResolvers<void>();
      held.shift()?.();
    },
    hurry(): void {
      slow = false;
      for (const end of held.splice(0)) end();
    },
    pass(millis: number): void {
      micros += millis * 1000;
    },
  };
}

test("200 ms a sync: what was appended waits, in groups, and none of it is lost", async () => {
  const { log, machine, underWay, release } = await openSlow();
  const order: number[] = [];
  void log.append(note(0), null).then((seq) => order.push(seq));
  await underWay();
  // Everything that is asked for meanwhile shares the next sync, however much it is.
  for (let at = 1; at <= 500; at += 1) void log.append(note(at), null).then((seq) => order.push(seq));
  expect(order).toEqual([]);
  expect(log.pace.waiting).toBe(501);
  release();
  await underWay();
  expect(order).toEqual([0]);
  const last = log.append(note(501), null);
  release();
  await underWay();
  release();
  expect(await last).toBe(501);
  expect(order).toEqual(Array.from({ length: 501 }, (_, at) => at));
  expect(log.pace).toMatchObject({ waiting: 0 });
  // The power goes: what was acknowledged is there.
  machine.log.losePower();
  machine.keys.losePower();
  const again = await openOn(machine);
  expect(await whys(again)).toHaveLength(502);
  await again.checkpoint();
  expect(await verifyOn(machine)).toMatchObject({ kind: "verified", size: 502 });
});

test("it says that it is slow while it is, and no more when the disk has recovered", async () => {
  const { log, underWay, release, hurry, pass } = await openSlow();
  expect(log.pace).toEqual({ millis: 0, waiting: 0 });
  const first = log.append(note(0), null);
  await underWay();
  // Before the first has ended: a disk that answers nothing at all is slow too.
  pass(5000);
  expect(log.pace).toEqual({ millis: 5000, waiting: 1 });
  release();
  await first;
  expect(log.pace.millis).toBeGreaterThanOrEqual(SLOW_MS);
  hurry();
  for (let at = 1; at < 20; at += 1) await log.append(note(at), null);
  expect(log.pace.millis).toBeLessThan(SLOW_MS);
  await log.close();
});

test("what waits for a slow disk is bounded: more is refused, and is not written later", async () => {
  const { log, underWay, hurry } = await openSlow();
  const first = log.append(note(0), null);
  await underWay();
  const text = "x".repeat(8 * MEBIBYTE);
  const asked = Array.from({ length: 13 }, (_, at) => log.append(note(at + 1), { text }));
  const settled = Promise.allSettled([first, ...asked]);
  hurry();
  const results = await settled;
  // Some were taken, the rest refused in the turn in which they were asked; none in between.
  const taken = results.filter(({ status }) => status === "fulfilled").length;
  expect(taken).toBeGreaterThan(4);
  expect(taken).toBeLessThan(12);
  for (const result of results.slice(taken))
    expect(result).toMatchObject({ status: "rejected", reason: { code: "log-unavailable" } });
  expect(log.size).toBe(taken);
  // It works on, without anybody having mended anything.
  expect(await log.append(note(100), null)).toBe(taken);
  expect((await whys(log)).at(-1)).toBe("100");
  await log.close();
});
