import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isObject } from "../../src/kernel/json.ts";
import type { PlaneOf } from "../../src/kernel/memory.ts";
import { createJournal, replay, type Journal } from "../../src/monitor/journal.ts";
import type { Entry } from "../../src/monitor/log/log.ts";
import { openMemory, type Memory } from "../../src/monitor/memory/memory.ts";
import { createExaminer, type Examiner, type FileExaminer } from "../../src/monitor/memory/shelf-examiner.ts";
import type { AskShelf } from "../../src/monitor/memory/shelf-orders.ts";
import { readHere } from "../../src/monitor/memory/read-here.ts";
import { createRowReader, type RowReader } from "../../src/monitor/memory/shelf-rows.ts";
import { createShelf, serveShelf } from "../../src/monitor/memory/shelf.ts";
import { emptyState } from "../../src/monitor/state.ts";
import { createTrustedClock, type TrustedClock } from "../../src/monitor/trusted-clock.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import type { Timer } from "../../src/platform/powers.ts";
import type { LogRecord, RecordBody } from "../../src/protocol/record.ts";
import {
  DatabaseDamaged,
  openDatabase,
  openDatabaseToRead,
  type SqlDatabase,
} from "../../src/platform/files/sqlite.ts";
import { createMemoryDisk } from "./memory-disk.ts";
import { createMemoryLog, type MemoryLog } from "./memory-log.ts";
import { CRYPTO, testEpochs } from "./open-log.ts";

export const AGENT = "worker";
export const INSTANCE = "i-0123456789abcdef";
export const OWN: PlaneOf & { readonly plane: "append-only" } = { agent: AGENT, plane: "append-only" };
export const BRIEF: PlaneOf & { readonly plane: "ephemeral" } = { agent: AGENT, plane: "ephemeral" };

/** What is to happen a moment later happens in the same turn; what is to happen from time to time, when a test says so. */
const AT_ONCE: Timer = {
  after(ms, callback) {
    if (ms === 0) queueMicrotask(callback);
    return () => {};
  },
};

/** As the thread that examines a file, without the thread. */
export function examinerOf(path: string): Examiner {
  let opened: { close(): void; readonly examiner: FileExaminer } | null = null;
  return {
    async ask(name, body) {
      await Promise.resolve();
      if (opened === null) {
        const database = openDatabaseToRead(path);
        opened = { examiner: createExaminer(database, CRYPTO), close: () => database.close() };
      }
      return opened.examiner[name](body);
    },
    async end() {
      opened?.close();
    },
  };
}

/** Memory over a log, a disk of keys and a database that outlive it, with a clock that a test sets. */
export class MemoryWorld {
  readonly folder = mkdtempSync(join(tmpdir(), "aios-memory-"));
  readonly kept: Entry[] = [];
  readonly slots = createMemoryDisk();
  readonly gone = new Set<number>();
  /** What the machine's clocks say, milliseconds. */
  wall = 1_700_000_000_000;
  boot = 1_000_000;
  readonly reports: string[] = [];
  /** What goes wrong with the next order to the shelf of this name. */
  failing: string | null = null;
  /** The order to the shelf that finds its file damaged, once. */
  finding: string | null = null;
  log!: MemoryLog;
  journal!: Journal;
  memory!: Memory;
  trusted!: TrustedClock;
  #slept = 0;
  #database: SqlDatabase | null = null;
  #reader: RowReader | null = null;

  async start(): Promise<void> {
    const state = emptyState();
    this.log = createMemoryLog("0".repeat(32), this.kept, () => this.trusted.now());
    await replay(this.log, state, () => {});
    const clock = { wall: () => this.wall, boot: () => this.boot, micros: () => (this.boot - this.#slept) * 1000 };
    const since = state.highWater;
    this.trusted = createTrustedClock(clock, since);
    const trusted = this.trusted;
    this.journal = createJournal(this.log, { state, now: trusted.now, onRecord: () => {} });
    try {
      this.#database = openDatabase(this.database);
    } catch {
      this.lose();
      this.#database = openDatabase(this.database);
    }
    const powers = { crypto: CRYPTO, random: createRandom(), pause: async () => {} };
    const serve = serveShelf(createShelf(this.#database, powers), () => {
      this.lose();
      this.#database = openDatabase(this.database);
      return createShelf(this.#database, powers);
    });
    const ask: AskShelf = async (name, body) => {
      // As a thread does it: nothing happens in the turn of the asker, and what is asked is a copy.
      await Promise.resolve();
      if (this.failing === name) throw new Error("the shelf failed");
      if (this.finding === name) {
        this.finding = null;
        throw new DatabaseDamaged("database disk image is malformed");
      }
      return serve(name, structuredClone(body));
    };
    this.slots.kill();
    const files = this.slots.open();
    await files.hold();
    this.memory = await openMemory({
      crypto: CRYPTO,
      random: createRandom(),
      timer: AT_ONCE,
      keys: Object.assign(testEpochs(this.gone), { files }),
      log: this.log,
      journal: this.journal,
      shelf: readHere(ask, () => (this.#reader = createRowReader(openDatabaseToRead(this.database)))),
      trusted,
      examine: () => examinerOf(this.database),
      report: (words) => void this.reports.push(words),
    });
  }

  /** The process is killed: nothing is closed in order. */
  crash(): void {
    this.#reader?.close();
    this.#database?.close();
    this.#reader = this.#database = null;
  }

  /** The database is gone; the log and the keys are not. */
  lose(): void {
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name));
  }

  get database(): string {
    return join(this.folder, "memory.db");
  }

  keep(
    text: string,
    ttlSeconds: number | null = null,
    more: { agent?: string; instance?: string; sources?: string[] } = {},
  ): Promise<number> {
    const { agent = AGENT, instance = INSTANCE, sources = [] } = more;
    const from = { agent, by: agent, instance, labels: [], sources, text };
    return this.memory.store.keep(
      ttlSeconds === null
        ? { ...from, plane: "append-only", ttl: null }
        : { ...from, plane: "ephemeral", ttl: ttlSeconds * 1000 },
    );
  }

  pass(milliseconds: number): void {
    this.wall += milliseconds;
    this.boot += milliseconds;
  }

  /** The machine sleeps: what counts time without that stands still. */
  suspend(milliseconds: number): void {
    this.pass(milliseconds);
    this.#slept += milliseconds;
  }

  /** The newest time that the log knows, as a start takes it from there. */
  newest(): number {
    let newest = 0;
    for (const { record, payload } of this.kept) {
      newest = Math.max(newest, record.at);
      const document = payload?.["document"];
      if (record.kind === "clock-set" && document !== undefined && isObject(document)) newest = Number(document["at"]);
    }
    return newest;
  }

  /** Writes a record while nothing runs, as the command line does. */
  appendAsOwner(body: RecordBody): void {
    const record: LogRecord = {
      v: 1,
      seq: this.kept.length,
      at: this.trusted.now(),
      start: "0".repeat(32),
      payload: null,
      ...body,
    };
    this.kept.push({ record, payload: null });
  }

  /** Every byte that there is of it outside the log's own seal. */
  bytes(): Buffer {
    const database = readdirSync(this.folder).map((name) => readFileSync(join(this.folder, name)));
    const slots = this.slots.paths().map((path) => Buffer.from(this.slots.bytes(path) ?? new Uint8Array()));
    return Buffer.concat([...database, ...slots, Buffer.from(JSON.stringify(this.kept))]);
  }

  end(): void {
    this.crash();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
