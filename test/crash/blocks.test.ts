import { expect, test } from "vitest";
import type { Log } from "../../src/monitor/log/log.ts";
import type { LogKeys } from "../../src/monitor/log/keys.ts";
import { verifyLog } from "../../src/monitor/log/verify.ts";
import { createBlockDisk, type BlockDisk, type DiskImage, type Draw } from "../fakes/block-disk.ts";
import { CRYPTO, openTestLog, ORIGIN, SIGNER, STILL } from "../fakes/open-log.ts";
import { note } from "../fakes/records.ts";

/*
 * Losses of power at any moment, with what nobody waited for written in part, out of order or not at all. Whatever was acknowledged is
 * there afterwards, and the log starts by itself. `npm run proof:blocks` does it many times more.
 */

const POINTS = Number(process.env["AIOS_CRASH_POINTS"] ?? 60);
/** One history is so many lives of one log, each ended by a loss of power. */
const LIVES = 8;
const SEED = Number(process.env["AIOS_CRASH_SEED"] ?? 20_261_126);

interface Epochs {
  readonly gone: Set<number>;
  last: number;
}

/** What somebody was told before the power went. */
interface Told {
  /** By number: the name, and whether its payload may be read: `gone` is erased for good, `either` was being erased. */
  readonly records: Map<number, { readonly name: string; payload: "there" | "gone" | "either" }>;
  checkpoint: string | null;
}

interface Machine {
  readonly log: DiskImage;
  readonly keys: DiskImage;
  readonly epochs: Epochs;
}

function keysOf(disk: BlockDisk, epochs: Epochs): LogKeys {
  return {
    files: disk.open(),
    get epoch() {
      let epoch = 1;
      while (epochs.gone.has(epoch)) epoch += 1;
      return epoch;
    },
    key: (epoch) => (epochs.gone.has(epoch) ? null : new Uint8Array(32).fill(8 + epoch)),
    advance: () => (epochs.last += 1),
    async retire(epoch) {
      for (let older = 1; older < epoch; older += 1) epochs.gone.add(older);
    },
  };
}

/** One life: starts, checks what it finds, works, and loses power at a moment that is drawn. */
async function live(
  machine: Machine,
  told: Told,
  draw: Draw,
): Promise<{ readonly next: Machine; readonly atStart: boolean }> {
  const [disk, keyDisk] = [createBlockDisk(machine.log), createBlockDisk(machine.keys)];
  const epochs = { gone: new Set(machine.epochs.gone), last: machine.epochs.last };
  let opened = false;
  const trouble: unknown[] = [];
  const moment = 1 + draw(draw(4) === 0 ? 40 : 400);
  const work = (async () => {
    const log = await openTestLog("", { files: disk.open(), keys: keysOf(keyDisk, epochs), timer: STILL });
    opened = true;
    await check(log, told);
    for (;;) await act(log, told, draw);
  })().catch((error: unknown) => void trouble.push(error));
  for (let turns = 0; turns < moment && trouble.length === 0; turns += 1)
    await new Promise((resolve) => setImmediate(resolve));
  if (trouble.length > 0) throw trouble[0];
  // Everything of this moment at once: what was told, and what is on both disks.
  const next = {
    log: disk.losePower(draw),
    keys: keyDisk.losePower(draw),
    epochs: { gone: new Set(epochs.gone), last: epochs.last },
  };
  disk.stop();
  keyDisk.stop();
  void work;
  return { next, atStart: !opened };
}

async function check(log: Log, told: Told): Promise<void> {
  let seq = 0;
  for await (const { record, payload } of log.entries(0, log.size)) {
    const known = told.records.get(seq);
    expect(record.seq).toBe(seq);
    if (known !== undefined) {
      expect(record, `record ${seq}`).toMatchObject({ kind: "stop", why: known.name });
      if (known.payload === "there") expect(payload, `payload ${seq}`).toMatchObject({ name: known.name });
      if (known.payload === "gone") expect(payload, `payload ${seq}, which was erased`).toBeNull();
    }
    seq += 1;
  }
  for (const number of told.records.keys()) expect(number, "was acknowledged").toBeLessThan(log.size);
}

async function act(log: Log, told: Told, draw: Draw): Promise<void> {
  const what = draw(20);
  if (what === 0) {
    told.checkpoint = (await log.checkpoint()).note;
  } else if (what === 1 && told.records.size > 0) {
    const seq = [...told.records.keys()][draw(told.records.size)] ?? 0;
    const known = told.records.get(seq);
    if (known?.payload !== "there") return;
    known.payload = "either";
    await log.erase([seq]);
    known.payload = "gone";
  } else {
    const names = Array.from({ length: 1 + draw(6) }, () => `${draw(2 ** 30)}`);
    await Promise.all(
      names.map(async (name) => {
        const seq = await log.append(note(name), { name, text: "x".repeat(draw(900)) });
        expect(told.records.has(seq), `number ${seq} is given once`).toBe(false);
        told.records.set(seq, { name, payload: "there" });
      }),
    );
  }
}

test(
  `${POINTS} losses of power: nothing that was acknowledged is lost, nothing erased comes back`,
  { timeout: 30_000 + POINTS * 1000 },
  async () => {
    let [points, atStart, acknowledged, erased] = [0, 0, 0, 0];
    for (let history = 0; points < POINTS; history += 1) {
      const draw = createDraw(SEED + history);
      const told: Told = { records: new Map(), checkpoint: null };
      let machine: Machine = { log: new Map(), keys: new Map(), epochs: { gone: new Set(), last: 1 } };
      try {
        for (let number = 0; number < LIVES && points < POINTS; number += 1, points += 1) {
          const ended = await live(machine, told, draw);
          machine = ended.next;
          if (ended.atStart) atStart += 1;
        }
        await finish(machine, told);
      } catch (error) {
        throw new Error(`history ${history} of seed ${SEED}, after ${points} losses`, { cause: error });
      }
      acknowledged += told.records.size;
      erased += [...told.records.values()].filter(({ payload }) => payload === "gone").length;
    }
    // The test means something only if there was work to lose, something to erase, and a start to interrupt.
    expect(acknowledged).toBeGreaterThan(POINTS);
    expect(erased).toBeGreaterThan(POINTS / 100);
    expect(atStart).toBeGreaterThan(POINTS / 50);
  },
);

/** The last start is let to work, and a verifier that has the last checkpoint somebody was told finds nothing wrong. */
async function finish(machine: Machine, told: Told): Promise<void> {
  const [disk, keyDisk] = [createBlockDisk(machine.log), createBlockDisk(machine.keys)];
  const log = await openTestLog("", { files: disk.open(), keys: keysOf(keyDisk, machine.epochs), timer: STILL });
  await check(log, told);
  await log.close();
  const verdict = await verifyLog(disk.open(), {
    powers: CRYPTO,
    publicKey: SIGNER.publicKey,
    origin: ORIGIN,
    ...(told.checkpoint === null ? {} : { earlier: [told.checkpoint] }),
  });
  if (verdict.kind === "refused") throw new Error(verdict.why);
  expect(verdict.size).toBe(log.size);
}

/** Mulberry32: the same numbers for the same seed. */
function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}
