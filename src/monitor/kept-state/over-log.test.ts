import { expect, test } from "vitest";
import { createMemoryDisk } from "../../../test/fakes/memory-disk.ts";
import { CRYPTO, openTestLog, ORIGIN, STILL, testEpochs } from "../../../test/fakes/open-log.ts";
import { plainState } from "../../../test/fakes/plain-state.ts";
import { MOVES, RandomLog } from "../../../test/fakes/random-log.ts";
import type { Timer } from "../../platform/powers.ts";
import { createClock } from "../../platform/clock.ts";
import { createRandom } from "../../platform/keys/random.ts";
import type { Log } from "../log/log.ts";
import { createFold, emptyFolded, type Folded } from "./folded.ts";
import { createKeeper, type Keeper } from "./keeper.ts";
import { keptPath, startState } from "./start.ts";

const AT_ONCE: Timer = {
  after: (_ms, callback) => {
    setImmediate(callback);
    return () => {};
  },
};

/** A log with tiles, bundles, keys and epochs, and the folder of kept states beside it. */
async function openHome() {
  const [disk, keyDisk, index] = [createMemoryDisk(), createMemoryDisk(), createMemoryDisk()];
  const files = index.open();
  await files.hold();
  const keys = testEpochs(new Set());
  const reports: string[] = [];
  // A second a record, as those that are written have it.
  let at = 1_800_000_000_000;
  const clock = { wall: () => (at += 1000), boot: () => 0, micros: () => 0 };
  const open = async (): Promise<Log> => {
    disk.kill();
    keyDisk.kill();
    const slots = keyDisk.open();
    await slots.hold();
    return openTestLog("", {
      files: disk.open(),
      keys: Object.assign(Object.create(keys), { files: slots }),
      timer: STILL,
      clock,
    });
  };
  const portsOf = (log: Log) => {
    const report = (words: string): void => void reports.push(words);
    return {
      log,
      crypto: CRYPTO,
      keys,
      origin: ORIGIN,
      files,
      random: createRandom(),
      timer: AT_ONCE,
      clock: createClock(),
      report,
    };
  };
  const keeperOf = (log: Log): Keeper =>
    createKeeper({ ...portsOf(log), every: 50, journal: { write: (body) => log.append(body, null) } });
  return { open, portsOf, keeperOf, index, reports };
}

async function appendAll(log: Log, written: RandomLog, from: number): Promise<void> {
  for (const { record, payload } of written.kept.slice(from)) {
    const { v: _v, seq: _seq, at: _at, start: _start, payload: _payload, ...body } = record;
    await log.append(body, payload);
  }
}

async function wholeOf(log: Log): Promise<Folded> {
  const folded = emptyFolded();
  const fold = createFold(folded, CRYPTO);
  for await (const entry of log.entries(0, log.size)) fold(entry);
  return folded;
}

function fill(written: RandomLog, rounds: number): void {
  const moves = [...MOVES.keys()].filter((move) => !["erase", "expire"].includes(MOVES[move]?.[0] ?? ""));
  for (let round = 0; round < rounds; round += 1)
    for (const move of moves) written.take({ move, a: round * 13 + move, b: round * 11 + move * 5 });
}

test("over a log in files: kept, taken up by the next start, and ended by an erasure", async () => {
  const home = await openHome();
  const written = new RandomLog();
  fill(written, 14); // more than a tile holds
  let log = await home.open();
  await appendAll(log, written, 0);
  expect(log.size).toBeGreaterThan(256);
  const size = log.size;
  await home.keeperOf(log).recorded();
  await log.close();

  log = await home.open();
  const started = await startState(home.portsOf(log));
  expect(started.kept?.size).toBe(size);
  expect(plainState(started.folded)).toEqual(plainState(await wholeOf(log)));
  expect(home.reports).toEqual([]);

  // What was kept is of an epoch whose key is destroyed with that of one payload.
  const keeper = home.keeperOf(log);
  await keeper.begin(started);
  const held = written.kept.find(({ record }) => record.kind === "held")?.record.seq ?? -1;
  await log.erase([held]);
  const before = await startState(home.portsOf(log));
  expect(before.kept).toBeNull();
  expect(home.reports).toEqual([expect.stringMatching(/the key that it was sealed with was destroyed/u)]);
  await keeper.recorded();
  const after = await startState(home.portsOf(log));
  expect(after.kept?.size).toBeGreaterThan(size);
  expect(plainState(after.folded)).toEqual(plainState(await wholeOf(log)));
  expect(home.reports).toHaveLength(1);
  await log.close();
});

test("a log that was rolled back, and one that went on otherwise from there, take nothing up", async () => {
  const home = await openHome();
  const written = new RandomLog();
  fill(written, 4);
  const log = await home.open();
  await appendAll(log, written, 0);
  await home.keeperOf(log).recorded();
  const [path = ""] = home.index.paths();
  expect(path).toBe(keptPath(written.kept.length));
  const kept = home.index.bytes(path) ?? new Uint8Array();

  const other = await openHome();
  const fork = await other.open();
  await appendAll(fork, written, 0);
  other.index.put(path, kept);
  // The same records with other salts: the root says so.
  expect((await startState(other.portsOf(fork))).kept).toBeNull();
  expect(other.reports[0]).toMatch(/of a log with other records/u);

  const short = await openHome();
  const rolledBack = await short.open();
  await rolledBack.append({ kind: "stop", why: "x" }, null);
  short.index.put(path, kept);
  expect((await startState(short.portsOf(rolledBack))).kept).toBeNull();
  expect(short.reports[0]).toMatch(/and the log has 1/u);
  await Promise.all([log, fork, rolledBack].map((each) => each.close()));
});
