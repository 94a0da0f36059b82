import { wordsOf } from "../../kernel/memory-words.ts";
import type { MemoryBudget } from "../../kernel/memory-budget.ts";
import type { PlaneOf } from "../../kernel/memory.ts";
import { importSource } from "../../kernel/memory-imports.ts";
import { utf8Length } from "../../kernel/utf8.ts";
import type { Crypto, Random, Timer } from "../../platform/powers.ts";
import type { Content } from "../../protocol/memory-content.ts";
import { SALT_BYTES } from "../../protocol/sealed.ts";
import type { Journal } from "../journal.ts";
import { createDraw } from "../log/draw.ts";
import { deriveKey, type LogKeys } from "../log/keys.ts";
import type { Log } from "../log/log.ts";
import { openSlots, type KeySlots } from "../log/slots.ts";
import { groupAdds } from "./adds.ts";
import { openContent, openSalted, sealContent } from "./content.ts";
import { MemoryFault } from "./fault.ts";
import type { AskShelf, Indexed, ShelfRow } from "./shelf-orders.ts";
import type { Brought } from "./importing.ts";
import { rangesOf } from "./ranges.ts";

/** An entry that was opened. */
export interface Recalled extends Content {
  readonly entry: number;
}

/** What somebody wants to keep. */
export interface Kept extends Pick<Content, "by" | "instance" | "labels" | "sources" | "text">, PlaneOf {
  readonly plane: "append-only" | "ephemeral";
  /** Milliseconds from now to its end; null: it does not end. */
  readonly ttl: number | null;
}

/** Whether what is in quarantine is seen too: by people, who judge it, never by agents. */
export interface Seeing {
  readonly quarantined?: true;
}

/** What was found not to be as the log says. */
export interface Damage {
  readonly entry: number;
  readonly why: string;
}

/**
 * Entries of the append-only and the ephemeral plane. Every one is in the log, sealed under a key of its own beside the
 * log's own seal; what lies on the shelf is a copy to read from, and can be made again. Nothing here blocks the event loop for long:
 * the shelf is in a thread, and everything that grows with the number of entries is done in parts.
 */
export interface MemoryStore {
  /** Resolves with the number of the entry when it is durable. Throws MemoryFault `memory-full`. */
  keep(kept: Kept): Promise<number>;
  /** Keeps what an owner had imported by this record, each as its own log has it; resolves when all is durable. */
  bringIn(brought: readonly Brought[], imported: number): Promise<void>;
  /** Throws MemoryFault: `memory-unknown`, `memory-expired`, `memory-erased`, `memory-quarantined`, `memory-damaged`. */
  read(of: PlaneOf, entry: number, options?: Seeing): Promise<Recalled>;
  /** Salt and text of an entry, as its record commits to them. Throws as `read` does. */
  salted(of: PlaneOf, entry: number): Promise<string>;
  /** Newest first, below `before`; what is quarantined is left out. Throws MemoryFault `memory-damaged`. */
  list(
    of: PlaneOf,
    options: Seeing & { readonly before: number | null; readonly most: number },
  ): Promise<readonly Recalled[]>;
  /** Entries that have every word of the query, newest first. */
  search(
    of: PlaneOf,
    options: Seeing & { readonly query: string; readonly most: number },
  ): Promise<readonly Recalled[]>;
  /** Destroys the keys of what is past its end and of what was erased, and all that is left of it. */
  sweep(): Promise<void>;
  /** Whether this is what the log has of a live entry, and opens with its key. */
  isWhole(row: ShelfRow): Promise<boolean>;
  /** Compares every entry with the log, key, seal and index. */
  verify(): Promise<{ readonly checked: number; readonly damaged: readonly Damage[] }>;
  close(): Promise<void>;
}

export interface StoreParts {
  readonly crypto: Crypto;
  readonly random: Pick<Random, "bytes" | "hex">;
  readonly keys: LogKeys;
  readonly log: Pick<Log, "entries" | "size">;
  readonly journal: Journal;
  readonly shelf: AskShelf;
  readonly timer: Timer;
  now(): number;
  /** Whether time can be trusted enough to destroy what is past its end (DESIGN 7: a large jump asks). */
  mayExpire(): boolean;
}

/** An entry on its way into the log. */
interface Written {
  readonly content: Content;
  readonly bytes: number;
  readonly salt: Uint8Array;
  /** Number of the record by which it is imported. */
  readonly imported: number | null;
}

/** Entries whose keys are destroyed together, and how many of them one record has: each is a number in its payload. */
const SWEEP = 100_000;
const EXPIRED = 5000;
/** Rows that are read from the shelf together, so that the event loop comes up for air. */
const STRIDE = 64;
/** Chunks of 2,048 keys that stay in memory after a read: at most 32 MiB, all keys of a million entries, if all are read. */
const KEY_CHUNKS = 512;
/** Candidates of a search that are opened: a hash of a word may be that of another, rarely. */
const SPARE = 8;
/** What ends within an eighth of its life of each other is indexed together. */
const BUCKETS = 8;

/** Opens memory as the log has it, and makes anew whatever of it is not on the shelf. */
export async function openStore(parts: StoreParts): Promise<MemoryStore> {
  const { crypto, random, keys, journal } = parts;
  const draw = createDraw({ ...random });
  const { ask: shelf, put } = groupAdds(parts.shelf, parts.timer);
  const { memory } = journal.state;
  const slots: KeySlots = await openSlots({
    crypto,
    random: { ...random },
    keys,
    size: memory.next,
    atHand: KEY_CHUNKS,
  });
  let issued = memory.next;
  const pending = new Map<string, MemoryBudget>();
  let sweeping: Promise<void> = Promise.resolve();

  await shelve();
  if (memory.unsettled.length > 0) await destroyKeys();

  async function open(row: ShelfRow): Promise<Content | null> {
    // The log is asked first: a seal that opens and is not the one that the log has was put there by somebody else.
    if (!memory.confirms(row)) return null;
    const key = await slots.read(row.entry);
    return key === null ? null : openContent(row, { crypto, key });
  }

  /** What of these rows may be read now. */
  async function recall(rows: readonly ShelfRow[], { quarantined }: Seeing): Promise<readonly Recalled[]> {
    const found: Recalled[] = [];
    for (const row of rows) {
      if (memory.look(row.entry, parts.now()) !== "live") continue;
      const content = await open(row);
      if (content === null) {
        // Its key may have been destroyed in between.
        if (memory.look(row.entry, parts.now()) !== "live") continue;
        throw damaged(row.entry);
      }
      const origin = memory.imports.originOf(row.entry);
      const sources = origin === null ? content.sources : [...content.sources, importSource(origin)];
      const recalled = { entry: row.entry, ...content, sources };
      if (quarantined === true || !memory.isQuarantined(recalled)) found.push(recalled);
    }
    return found;
  }

  async function keep(kept: Kept): Promise<number> {
    const { agent, plane, ttl, text, ...from } = kept;
    const bytes = utf8Length(text);
    const waiting = pending.get(`${agent}/${plane}`) ?? { bytes: 0, count: 0 };
    if (!memory.hasRoom({ agent, plane }, bytes, waiting)) throw full(kept, memory.budget(agent, plane));
    const at = parts.now();
    const content: Content = { v: 1, agent, plane, at, expires: ttl === null ? null : at + ttl, text, ...from };
    return counted({ content, bytes, salt: draw(SALT_BYTES), imported: null });
  }

  /** Writes, and counts it meanwhile, from this turn on: two that each fit alone must not both be kept. */
  async function counted(written: Written): Promise<number> {
    const name = `${written.content.agent}/${written.content.plane}`;
    const count = (more: 1 | -1): void => {
      const waiting = pending.get(name) ?? { bytes: 0, count: 0 };
      pending.set(name, { bytes: waiting.bytes + more * written.bytes, count: waiting.count + more });
    };
    count(1);
    try {
      return await write(written);
    } finally {
      count(-1);
    }
  }

  async function write({ content, bytes, salt, imported }: Written): Promise<number> {
    const entry = issued;
    issued += 1;
    const { agent, plane, expires, by, instance, labels } = content;
    const sealing = { crypto, key: slots.next(entry), salt, entry };
    const { sealed, digest } = sealContent(content, sealing);
    await slots.durable(memory.next, entry);
    const row = { entry, agent, plane, expires, digest, bytes, sealed };
    // Put before the record is written, so that whoever asks after the answer finds it there; the answer waits for the log alone.
    const room = put({ ...row, text: content.text, bucket: bucketOf(content) });
    try {
      await journal.write(
        { kind: "memory-kept", entry, agent, plane, by, instance, labels, digest, bytes, expires, imported },
        { sealed },
      );
    } catch (error) {
      void shelf("remove", { entries: [entry] }).catch(() => {});
      throw error;
    }
    await room;
    return entry;
  }

  async function destroyKeys(): Promise<void> {
    const gone = memory.unsettled;
    const { segments, others } = await shelf("beside", { entries: gone });
    for (let from = 0; from < others.length; from += STRIDE) await indexAnew(others.slice(from, from + STRIDE));
    const older = keys.epoch;
    const epoch = keys.advance();
    await slots.rewrap(epoch, gone);
    await shelf("drop", { entries: gone, segments });
    await shelf("rewrap", { key: indexKey(epoch) });
    keys.retire(epoch);
    await slots.use(older);
    await journal.write({ kind: "memory-destroyed", count: gone.length });
  }

  async function indexAnew(entries: readonly number[]): Promise<void> {
    const rows = await Promise.all(entries.map((entry) => shelf("read", { entry })));
    const texts = [];
    for (const row of rows) {
      const content = row === null ? null : await open(row);
      if (row !== null && content !== null)
        texts.push({ entry: row.entry, text: content.text, bucket: bucketOf(content) });
    }
    await shelf("index", { texts });
  }

  async function sweepNow(): Promise<void> {
    while (parts.mayExpire() && memory.unsettled.length < SWEEP) {
      const due = memory.due(parts.now(), EXPIRED);
      if (due.length === 0) break;
      await journal.write({ kind: "memory-expired", count: due.length }, { entries: rangesOf(due) });
    }
    if (memory.unsettled.length > 0) await destroyKeys();
  }

  /** Brings the shelf to what the log says: what a crash, or somebody, took from it is read from the log again. */
  async function shelve(): Promise<void> {
    const { entries, unindexed } = await shelf("begin", { key: indexKey(keys.epoch) });
    const there = new Set(entries);
    const strangers = entries.filter((entry) => !memory.holds(entry));
    if (strangers.length > 0) await shelf("drop", { entries: strangers, segments: [] });
    let missing = 0;
    for (let entry = 0; entry < memory.next; entry += 1) if (memory.holds(entry) && !there.has(entry)) missing += 1;
    if (missing > 0) await shelveAgain(there);
    const lost = unindexed.filter((entry) => memory.holds(entry));
    for (let from = 0; from < lost.length; from += STRIDE) await indexAnew(lost.slice(from, from + STRIDE));
  }

  async function shelveAgain(there: ReadonlySet<number>): Promise<void> {
    let rows: (ShelfRow & Indexed)[] = [];
    for await (const { record, payload } of parts.log.entries(0, parts.log.size)) {
      if (record.kind !== "memory-kept" || there.has(record.entry) || !memory.holds(record.entry)) continue;
      const { entry, agent, plane, expires, digest, bytes } = record;
      const sealed = payload?.["sealed"];
      if (typeof sealed !== "string" || plane === "frozen") continue;
      const row = { entry, agent, plane, expires, digest, bytes, sealed };
      const content = await open(row);
      if (content === null) continue;
      rows.push({ ...row, text: content.text, bucket: bucketOf(content) });
      if (rows.length < STRIDE) continue;
      await shelf("add", { rows });
      rows = [];
    }
    await shelf("add", { rows });
  }

  function indexKey(epoch: number): { readonly epoch: number; readonly key: Uint8Array } {
    const key = keys.key(epoch);
    if (key === null) throw new RangeError(`Cannot open memory: epoch ${epoch} has no key`);
    return { epoch, key: deriveKey(crypto, { purpose: "index", key }) };
  }

  return {
    keep,

    async bringIn(brought, imported) {
      for (let from = 0; from < brought.length; from += STRIDE) {
        const some = brought.slice(from, from + STRIDE).map((each) => counted({ ...each, imported }));
        await Promise.all(some);
      }
    },

    read: async (of, entry, seeing = {}) => (await readRow(of, entry, seeing)).found,

    async salted(of, entry) {
      const { row } = await readRow(of, entry, {});
      const key = await slots.read(entry);
      const salted = key === null ? null : openSalted(row, { crypto, key });
      if (salted === null) throw new MemoryFault("memory-expired", `entry ${entry} ended just now`);
      return salted;
    },

    async list(of, options) {
      const before = memory.used(of).count;
      const { before: below, most } = options;
      const { rows, count } = await shelf("list", { ...of, before: below, most });
      if (count < Math.min(before, memory.used(of).count))
        throw new MemoryFault("memory-damaged", "an entry of that plane is missing: aios memory verify says which");
      return recall(rows, options);
    },

    async search(of, { query, most, ...seeing }) {
      const words = wordsOf(query);
      const rows = await shelf("search", { ...of, words, most: most + SPARE });
      // The index is not what the log vouches for: who changed it must not have one agent see another's.
      for (const { entry, agent, plane } of rows) if (agent !== of.agent || plane !== of.plane) throw damaged(entry);
      const found = await recall(rows, seeing);
      const hasAll = (its: readonly string[]): boolean => words.every((word) => its.includes(word));
      return found.filter(({ text }) => hasAll(wordsOf(text))).slice(0, most);
    },

    sweep() {
      const turn = sweeping.then(sweepNow);
      sweeping = turn.catch(() => {});
      return turn;
    },

    isWhole: async (row) => (await open(row)) !== null,
    async verify() {
      slots.refresh();
      const damagedEntries: Damage[] = [];
      const upTo = memory.next;
      let checked = 0;
      let next = 0;
      const missing = (from: number, to: number): void => {
        for (let entry = from; entry < to; entry += 1)
          if (memory.holds(entry)) damagedEntries.push({ entry, why: "it is missing" });
      };
      while (next < upTo) {
        const rows = await shelf("scan", { from: next, most: STRIDE });
        for (const row of rows) {
          if (row.entry >= upTo) break;
          missing(next, row.entry);
          next = row.entry + 1;
          if (!memory.holds(row.entry)) continue;
          checked += 1;
          const why = await problemOf(row);
          if (why !== null && memory.holds(row.entry)) damagedEntries.push({ entry: row.entry, why });
        }
        if (rows.length === 0 || (rows.at(-1)?.entry ?? 0) >= upTo) break;
      }
      missing(next, upTo);
      return { checked, damaged: damagedEntries };
    },

    async close() {
      await sweeping;
      await shelf("close", null);
    },
  };

  async function readRow(
    of: PlaneOf,
    entry: number,
    seeing: Seeing,
  ): Promise<{ readonly row: ShelfRow; readonly found: Recalled }> {
    const place = memory.placeOf(entry);
    if (place === null || place.agent !== of.agent || place.plane !== of.plane)
      throw new MemoryFault("memory-unknown", `no entry ${entry} in that plane`);
    const stands = memory.look(entry, parts.now());
    if (stands === "expired") throw new MemoryFault("memory-expired", `entry ${entry} is past its end`);
    if (stands === "erased") throw new MemoryFault("memory-erased", `an owner had entry ${entry} erased`);
    const row = await shelf("read", { entry });
    if (row === null) throw damaged(entry);
    const [found] = await recall([row], seeing);
    if (found !== undefined) return { row, found };
    if (memory.look(entry, parts.now()) !== "live")
      throw new MemoryFault("memory-expired", `entry ${entry} is past its end`);
    throw new MemoryFault("memory-quarantined", `entry ${entry} is in quarantine`);
  }

  async function problemOf(row: ShelfRow): Promise<string | null> {
    if (!memory.confirms(row)) return "it is not what the log has";
    const content = await open(row);
    if (content === null) return "its key or its seal was changed";
    return (await shelf("check", { entry: row.entry, text: content.text })) ? null : "its index was changed";
  }
}

function bucketOf({ at, expires }: Pick<Content, "at" | "expires">): number {
  if (expires === null) return 0;
  const width = 2 ** Math.ceil(Math.log2(Math.max(1000, expires - at) / BUCKETS));
  return Math.ceil(expires / width) * width;
}

function damaged(entry: number): MemoryFault {
  return new MemoryFault("memory-damaged", `entry ${entry} is not what the log has: run aios memory verify`);
}

function full({ agent, plane }: Kept, { bytes, count }: MemoryBudget): MemoryFault {
  return new MemoryFault(
    "memory-full",
    `the ${plane} plane of ${agent} has room for ${bytes} bytes in ${count} entries: an owner can raise that (aios memory budget)`,
  );
}
