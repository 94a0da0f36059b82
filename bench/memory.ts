import { mkdtemp, open, rm } from "node:fs/promises";
import { constants, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate, setTimeout } from "node:timers/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJournal } from "../src/monitor/journal.ts";
import type { Log } from "../src/monitor/log/log.ts";
import type { LogKeys } from "../src/monitor/log/keys.ts";
import { openMemory, type Memory } from "../src/monitor/memory/memory.ts";
import { startShelf } from "../src/main/shelf-thread.ts";
import { emptyState } from "../src/monitor/state.ts";
import { openEpochKeys } from "../src/platform/log/epoch-keys.ts";
import { openLogFiles } from "../src/platform/log/log-files.ts";
import { createRandom } from "../src/platform/keys/random.ts";
import { createTimer } from "../src/platform/timer.ts";
import { openBenchLog } from "./records.ts";
import { median, type Row } from "./row.ts";
import { createMonitorCrypto } from "./monitor-crypto.ts";

/** Entries of the append-only plane; `npm run proof:memory` takes a million. */
const ENTRIES = Number(process.env["AIOS_MEMORY_ENTRIES"] ?? 100_000);
/** Entries of the ephemeral plane that all end together. */
const ENDING = 100_000;
const GROUP = 100;
const ALONE = 300;
const READS = 2000;
const SEARCHES = 200;
const AGENT = "bench";
const TTL_MS = 1_000_000;

/** Measures memory with everything real: log, keys, thread; and `node:sqlite` used plainly in the same run. */
export async function run(): Promise<readonly Row[]> {
  const home = await mkdtemp(join(tmpdir(), "aios-bench-"));
  const clock = { ahead: 0 };
  const now = (): number => Date.now() + clock.ahead;
  try {
    const log = await openBenchLog(home);
    const memory = await openBenchMemory(log, { home, now });
    const rows: Row[] = [];
    const plain = plainSqlite(home);
    const { perSecond, processor } = await keepMany(memory, { count: ENTRIES, ttl: null });
    rows.push(
      bar(
        `${ENTRIES} entries kept, durable and sealed, groups of 100`,
        perSecond,
        "/s",
        { least: 10_000 },
        `${processor.main.toFixed(0)} µs of processor time an entry in the main thread, ${processor.all.toFixed(0)} µs in all`,
      ),
      told("rows of node:sqlite for each, a durable transaction for 100", plain.insert(ENTRIES) / perSecond, "×"),
    );
    const { alone, bare } = await aloneAgainstBare(memory, home);
    rows.push(
      bar("one alone against a bare append and fdatasync", alone / bare, "×", { most: 1.5 }, `${alone.toFixed(2)} ms`),
    );
    const read = await times(READS, async () => {
      await memory.store.read({ agent: AGENT, plane: "append-only" }, Math.floor(Math.random() * ENTRIES));
    });
    rows.push(
      bar("get, opened, p50", median(read) * 1000, "µs", { most: 100 }),
      told("against a plain read of node:sqlite", median(read) / median(plain.read(READS)), "×"),
    );
    const searched = await times(SEARCHES, async () => {
      const query = `word${Math.floor(Math.random() * 1000)} note`;
      await memory.store.search({ agent: AGENT, plane: "append-only" }, { query, most: 20 });
    });
    rows.push(bar("search for two words, p50", median(searched), "ms", { most: 10 }));
    const expiring = async (pace: number | null): Promise<readonly Row[]> => {
      await keepMany(memory, { count: ENDING, ttl: TTL_MS });
      return expire(memory, { pace, end: () => void (clock.ahead += TTL_MS * 2) });
    };
    rows.push(
      ...(await expiring(PACE_MS)),
      ...(await expiring(null)),
      told("one plain delete of as many rows of node:sqlite", plain.remove(), "ms"),
    );
    await memory.stop();
    await log.close();
    return rows;
  } finally {
    await rm(home, { recursive: true });
  }
}

async function openBenchMemory(log: Log, { home, now }: { home: string; now(): number }): Promise<Memory> {
  const state = emptyState();
  const budget = { bytes: 2 ** 40, count: 10_000_000 };
  for (const what of ["append-only", "ephemeral"] as const) state.memory.setBudget(AGENT, { what, budget });
  const random = createRandom();
  const thread = startShelf(join(home, "memory.db"), {});
  const epochs = openEpochKeys(home, (path) => {
    const key = random.bytes(32);
    writeFileSync(path, key);
    return key;
  });
  const keys: LogKeys = Object.assign(epochs, { files: openLogFiles(join(home, "slots")) });
  const memory = await openMemory({
    crypto: createMonitorCrypto(),
    random,
    timer: createTimer(),
    keys,
    log,
    journal: createJournal(log, { state, now, onRecord() {} }),
    shelf: thread.shelf,
    examine: thread.examine,
    trusted: { now, mayDestroy: () => true },
    report(words) {
      process.stderr.write(`${words}\n`);
    },
  });
  return {
    ...memory,
    async stop() {
      await memory.stop();
      await thread.end();
    },
  };
}

function textOf(number: number): string {
  return `note ${number} about word${number % 1000} and thing${number % 77}, as an agent writes it down for later`;
}

/** Entries a second, and microseconds of processor time for each: of this thread, and of all of them. */
async function keepMany(
  { store }: Memory,
  { count, ttl }: { readonly count: number; readonly ttl: number | null },
): Promise<{ readonly perSecond: number; readonly processor: { readonly main: number; readonly all: number } }> {
  const started = performance.now();
  const [thread, all] = [process.threadCpuUsage(), process.cpuUsage()];
  for (let from = 0; from < count; from += GROUP) {
    await Promise.all(Array.from({ length: GROUP }, (_, at) => store.keep(entryOf(from + at, ttl))));
  }
  const each = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / count;
  const processor = { main: each(process.threadCpuUsage(thread)), all: each(process.cpuUsage(all)) };
  return { perSecond: (count / (performance.now() - started)) * 1000, processor };
}

function entryOf(number: number, ttl: number | null): Parameters<Memory["store"]["keep"]>[0] {
  const from = { by: AGENT, instance: "i-0123456789abcdef", labels: [], sources: [], text: textOf(number) };
  return { agent: AGENT, plane: ttl === null ? "append-only" : "ephemeral", ttl, ...from };
}

async function aloneAgainstBare(memory: Memory, home: string): Promise<{ alone: number; bare: number }> {
  const file = await open(join(home, "bare"), constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
  const bytes = new Uint8Array(1024).fill(3);
  const taken = { alone: new Array<number>(), bare: new Array<number>() };
  for (let round = 0; round < ALONE; round += 1) {
    const start = performance.now();
    await file.write(bytes);
    await file.datasync();
    const between = performance.now();
    await memory.store.keep(entryOf(round, null));
    taken.bare.push(between - start);
    taken.alone.push(performance.now() - between);
  }
  await file.close();
  return { alone: median(taken.alone), bare: median(taken.bare) };
}

/** What waits while all that is ephemeral ends: whoever reads, keeps and searches, each one after the other. */
type Waiting = ReadonlyMap<string, readonly number[]>;
const WAITERS = {
  reader: ({ store }: Memory, number: number) => store.read({ agent: AGENT, plane: "append-only" }, number % ENTRIES),
  "one who keeps": ({ store }: Memory, number: number) => store.keep(entryOf(number, null)),
  "one who searches": ({ store }: Memory, number: number) =>
    store.search({ agent: AGENT, plane: "append-only" }, { query: `word${number % 1000} note`, most: 20 }),
};
/** How long the same three go on beforehand, with nothing that ends: about as long as the end of all takes. */
const CALM_MS = 6000;
/** Each asks again so long after its answer; without it the three of them leave no processor to anybody. */
const PACE_MS = 5;

async function wait(
  memory: Memory,
  { until, pace }: { until: Promise<unknown>; pace: number | null },
): Promise<Waiting> {
  const over = new AbortController();
  void until.finally(() => over.abort());
  const waited = Object.entries(WAITERS).map(async ([who, ask]) => {
    const took: number[] = [];
    for (let number = 0; !over.signal.aborted; number += 1) {
      took.push(...(await times(1, async () => void (await ask(memory, number)))));
      // A read is answered in the same turn; whoever asks in earnest comes by way of a socket.
      await (pace === null ? setImmediate() : setTimeout(pace));
    }
    return [who, took] as const;
  });
  return new Map(await Promise.all(waited));
}

/** The most that one turn of the event loop takes of the processor, milliseconds: on a busy machine the same as on a quiet one. */
async function longestTurn(until: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  void until.finally(() => over.abort());
  let longest = 0;
  while (!over.signal.aborted) {
    const before = process.threadCpuUsage();
    await setImmediate();
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, (user + system) / 1000);
  }
  return longest;
}

/**
 * Lets all that is ephemeral end: how long anybody waits meanwhile, and how long the same do without it. The bar is about those
 * who ask at a pace; where three ask without any, each is held up by the others most of all, which is told.
 */
async function expire(
  memory: Memory,
  { pace, end }: { readonly pace: number | null; readonly end: () => void },
): Promise<readonly Row[]> {
  const beforehand = setTimeout(CALM_MS);
  const [calm, calmTurn] = await Promise.all([wait(memory, { until: beforehand, pace }), longestTurn(beforehand)]);
  end();
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const started = performance.now();
  const sweeping = memory.store.sweep();
  const [busy, turn] = await Promise.all([wait(memory, { until: sweeping, pace }), longestTurn(sweeping)]);
  await sweeping;
  loop.disable();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const how = pace === null ? "asking without a pause" : `asking ${pace} ms after each answer`;
  const rows = [...busy].map(([who, took]) => {
    const before = calm.get(who) ?? [];
    const [longest, usual] = [Math.max(...took), Math.max(...before)];
    const waits = `longest ${longest.toFixed(1)} ms, ${usual.toFixed(1)} without`;
    const most = `999 of 1000 within ${thousandth(took).toFixed(1)}, ${thousandth(before).toFixed(1)} without`;
    const half = `half of ${took.length} within ${median(took).toFixed(2)}, ${median(before).toFixed(2)} without`;
    const note = `${waits}; ${most}; ${half}; all of it in ${seconds} s`;
    const what = `expiry of ${ENDING} entries holds ${who} up, ${how}`;
    return pace === null
      ? told(what, longest - usual, "ms", note)
      : bar(what, longest - usual, "ms", { most: 20 }, note);
  });
  if (pace === null) return rows;
  return [
    ...rows,
    bar("the same: longest that the event loop stood", loop.max / 1e6, "ms", { most: 20 }),
    bar(
      "the same: most processor time that one turn of it took",
      turn,
      "ms",
      { most: 20 },
      `${calmTurn.toFixed(1)} without`,
    ),
  ];
}

/** What one of a thousand takes or more. */
function thousandth(took: readonly number[]): number {
  const sorted = took.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * 0.999)] ?? 0;
}

interface Plain {
  /** Rows a second, a transaction for `GROUP`. */
  insert(rows: number): number;
  read(times: number): readonly number[];
  /** Milliseconds. */
  remove(): number;
}

/** A table of texts as one would make it without any of this. */
function plainSqlite(home: string): Plain {
  const database = new DatabaseSync(join(home, "plain.db"));
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)",
  );
  const insert = database.prepare("INSERT INTO notes (text) VALUES (?)");
  const read = database.prepare("SELECT text FROM notes WHERE id = ?");
  return {
    insert(rows) {
      const started = performance.now();
      for (let from = 0; from < rows; from += GROUP) {
        database.exec("BEGIN");
        for (let at = 0; at < GROUP; at += 1) insert.run(textOf(from + at));
        database.exec("COMMIT");
      }
      return (rows / (performance.now() - started)) * 1000;
    },
    read(count) {
      return Array.from({ length: count }, () => {
        const started = performance.now();
        read.get(1 + Math.floor(Math.random() * ENTRIES));
        return performance.now() - started;
      });
    },
    remove() {
      const started = performance.now();
      database.exec(`DELETE FROM notes WHERE id <= ${ENDING}`);
      return performance.now() - started;
    },
  };
}

async function times(count: number, work: () => Promise<void>): Promise<readonly number[]> {
  const taken: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const started = performance.now();
    await work();
    taken.push(performance.now() - started);
  }
  return taken;
}

function bar(
  what: string,
  value: number,
  unit: string,
  is: { least: number } | { most: number },
  note: string = "",
): Row {
  const met = "least" in is ? value >= is.least : value <= is.most;
  return { what, value, unit, bar: "least" in is ? `≥ ${is.least}` : `≤ ${is.most}`, met, note };
}

function told(what: string, value: number, unit: string, note = ""): Row {
  return { what, value, unit, bar: "", met: null, note };
}
