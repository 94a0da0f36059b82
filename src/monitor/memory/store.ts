import { wordsOf } from "../../kernel/memory-words.ts";
import type { MemoryBudget } from "../../kernel/memory-budget.ts";
import type { PlaneOf } from "../../kernel/memory.ts";
import { importSource } from "../../kernel/memory-imports.ts";
import { foreignSources } from "../../kernel/memory-sources.ts";
import { utf8Length } from "../../kernel/utf8.ts";
import type { Crypto, Random, Timer } from "../../platform/powers.ts";
import type { Content } from "../../protocol/memory-content.ts";
import { SALT_BYTES } from "../../protocol/sealed.ts";
import type { Journal } from "../journal.ts";
import { createDraw } from "../log/draw.ts";
import type { LogKeys } from "../log/keys.ts";
import type { Log } from "../log/log.ts";
import { openSlots, type KeySlots } from "../log/slots.ts";
import { groupAdds } from "./adds.ts";
import { openContent, openSalted, sealContent } from "./content.ts";
import { damagedEntry, fullPlane, MemoryFault, orNull, reading } from "./fault.ts";
import { createLogLook, type LookInLog } from "./in-log.ts";
import { lookForDamage, type MemoryDamage } from "./lost-keys.ts";
import type { Examiner } from "./shelf-examiner.ts";
import { isDamage, type AskShelf, type ShelfRow } from "./shelf-orders.ts";
import type { Brought } from "./importing.ts";
import { collectPage, type FoundPage, type PageInMaking } from "./found-page.ts";
import { rangesOf } from "./ranges.ts";
import { bucketOf, createShelving } from "./shelving.ts";
import { verifyShelf, type VerifiedShelf } from "./verify-shelf.ts";

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
  /** Newest first, below `before`; what is quarantined is left out. */
  list(of: PlaneOf, options: Seeing & { readonly before: number | null; readonly most: number }): Promise<FoundPage>;
  /**
   * Entries that have every word of the query, newest first, and those that do not open and may have them. Throws MemoryFault
   * `memory-damaged` when the index cannot be read.
   */
  search(of: PlaneOf, options: Seeing & { readonly query: string; readonly most: number }): Promise<FoundPage>;
  /** Destroys the keys of what is past its end and of what was erased, and all that is left of it. */
  sweep(): Promise<void>;
  /** Whether this is what the log has of a live entry, and opens with its key. */
  isWhole(row: ShelfRow): Promise<boolean>;
  readonly inLog: LookInLog;
  /** Why some of the entries do not open although their keys were not destroyed, by a look at sixteen; null: all of those open. */
  lookForDamage(): Promise<MemoryDamage | null>;
  /** Compares every entry with the log, key, seal and index, and looks at the file that has them. */
  verify(): Promise<VerifiedShelf>;
  close(): Promise<void>;
}

export interface StoreParts {
  readonly crypto: Crypto;
  readonly random: Pick<Random, "bytes" | "hex">;
  readonly keys: LogKeys;
  readonly log: Pick<Log, "records" | "entries" | "size">;
  readonly journal: Journal;
  readonly shelf: AskShelf;
  /** Begins to look at the shelf's file. */
  examine(): Examiner;
  readonly timer: Timer;
  now(): number;
  /** Whether time can be trusted enough to destroy what is past its end (DESIGN 7: a large jump asks). */
  mayExpire(): boolean;
  /** Tells whoever runs this. */
  report(words: string): void;
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
    passBlank: true,
  });
  let issued = memory.next;
  const pending = new Map<string, MemoryBudget>();
  let sweeping: Promise<void> = Promise.resolve();

  const { shelve, renew, indexAnew, indexKey, unindexed } = createShelving({ ...parts, shelf, book: memory, open });
  const isWhole = async (row: ShelfRow): Promise<boolean> => (await open(row)) !== null;
  const inLog = createLogLook({ log: parts.log, book: memory, isWhole });
  await shelve();
  if (memory.unsettled.length > 0) await destroyKeys();

  async function open(row: ShelfRow): Promise<Content | null> {
    // The log is asked first: a seal that opens and is not the one that the log has was put there by somebody else.
    if (!memory.confirms(row)) return null;
    const key = await slots.read(row.entry);
    return key === null ? null : openContent(row, { crypto, key });
  }

  function readRaw(entry: number): Promise<ShelfRow | null> {
    return reading(shelf("read", { entry }));
  }

  /** What of a row may be read now, null: nothing. Throws MemoryFault `memory-damaged`. */
  async function recall(row: ShelfRow, { quarantined }: Seeing): Promise<Recalled | null> {
    if (memory.look(row.entry, parts.now()) !== "live") return null;
    const content = await open(row);
    if (content === null) {
      // Its key may have been destroyed in between.
      if (memory.look(row.entry, parts.now()) !== "live") return null;
      throw damagedEntry(row.entry);
    }
    const origin = memory.imports.originOf(row.entry);
    const sources = origin === null ? content.sources : [...foreignSources(content.sources), importSource(origin)];
    const recalled = { entry: row.entry, ...content, sources };
    return quarantined === true || !memory.isQuarantined(recalled) ? recalled : null;
  }

  async function keep(kept: Kept): Promise<number> {
    const { agent, plane, ttl, text, ...from } = kept;
    const bytes = utf8Length(text);
    const waiting = pending.get(`${agent}/${plane}`) ?? { bytes: 0, count: 0 };
    if (!memory.hasRoom({ agent, plane }, bytes, waiting)) throw fullPlane(kept, memory.budget(agent, plane));
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

  /** A file that is damaged must not keep what ended: it is made anew without it. */
  async function destroyKeys(): Promise<void> {
    try {
      await destroyOnce();
    } catch (error) {
      if (!isDamage(error)) throw error;
      await renew();
      await destroyOnce();
    }
  }

  async function destroyOnce(): Promise<void> {
    const gone = memory.unsettled;
    const entries = Float64Array.from(gone);
    const { segments, others } = await shelf("beside", { entries });
    for (let from = 0; from < others.length; from += STRIDE) await indexAnew(others.slice(from, from + STRIDE));
    const older = keys.epoch;
    const epoch = keys.advance();
    await slots.rewrap(epoch, gone);
    await shelf("drop", { entries, segments });
    await shelf("rewrap", { key: indexKey(epoch) });
    await keys.retire(epoch);
    await slots.use(older);
    await journal.write({ kind: "memory-destroyed", count: gone.length });
  }

  async function sweepNow(): Promise<void> {
    while (parts.mayExpire() && memory.unsettled.length < SWEEP) {
      const due = memory.due(parts.now(), EXPIRED);
      if (due.length === 0) break;
      await journal.write({ kind: "memory-expired", count: due.length }, { entries: rangesOf(due) });
    }
    if (memory.unsettled.length > 0) await destroyKeys();
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

    async list(of, { before, most, ...seeing }) {
      const page = collectPage(most);
      let below = before ?? memory.next;
      while (page.goesOn()) {
        // Which entries there are is asked of the log alone: nobody who writes the file makes one more or less.
        const entries = newestBelow(below, of);
        await lookAt(entries, { page, seeing });
        if (entries.length < STRIDE) return page.whole();
        below = entries.at(-1) ?? 0;
        await breathe();
      }
      return page.cut();
    },

    async search(of, { query, most, ...seeing }) {
      const words = wordsOf(query);
      const asked = most + SPARE;
      const page = collectPage(most, ({ text }) => hasAll(wordsOf(text), words));
      let before: number | null = null;
      while (page.goesOn()) {
        const entries: readonly number[] = await reading(shelf("search", { ...of, words, before, most: asked }));
        // The index is not what the log vouches for: who changed it must not have one agent see another's.
        const own = entries.filter((entry) => isOf(memory.placeOf(entry), of));
        const range = { below: before ?? memory.next, from: entries.length < asked ? 0 : (entries.at(-1) ?? 0) };
        const { candidates, from } = unindexed.among(own, { ...range, of });
        await lookAt(candidates, { page, seeing });
        if (from === 0) return page.whole();
        before = from;
      }
      return page.cut();
    },

    sweep() {
      const turn = sweeping.then(sweepNow);
      sweeping = turn.catch(() => {});
      return turn;
    },

    isWhole,
    inLog,
    lookForDamage: () =>
      lookForDamage({ book: memory, slots, open, inLog, read: (entry) => readRaw(entry).catch(orNull) }),
    async verify() {
      slots.refresh();
      const upTo = memory.next;
      const examiner = parts.examine();
      try {
        await shelf("settled", null);
        const foreign = await begun(examiner);
        if (foreign.length > 0) return { checked: 0, damaged: [], file: foreign };
        return await verifyShelf({ book: memory, upTo, open, examiner });
      } finally {
        await examiner.end();
      }
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
    if (!isOf(memory.placeOf(entry), of)) throw new MemoryFault("memory-unknown", `no entry ${entry} in that plane`);
    const stands = memory.look(entry, parts.now());
    if (stands === "expired") throw new MemoryFault("memory-expired", `entry ${entry} is past its end`);
    if (stands === "erased") throw new MemoryFault("memory-erased", `an owner had entry ${entry} erased`);
    const row = await readRaw(entry);
    if (row === null) throw damagedEntry(entry);
    const found = await recall(row, seeing);
    if (found !== null) return { row, found };
    if (memory.look(entry, parts.now()) !== "live")
      throw new MemoryFault("memory-expired", `entry ${entry} is past its end`);
    throw new MemoryFault("memory-quarantined", `entry ${entry} is in quarantine`);
  }

  /** Has the file looked at as it stands between two sweeps, since each changes the key that its index is under. */
  function begun(examiner: Examiner): Promise<readonly string[]> {
    const turn = sweeping.then(() => examiner.ask("begin", { key: indexKey(keys.epoch) }));
    sweeping = turn.then(
      () => {},
      () => {},
    );
    return turn.catch((error: unknown) => [error instanceof Error ? error.message : "it cannot be opened"]);
  }

  /** Reads these entries, newest first; one that does not open keeps nobody from the others, and is named. */
  async function lookAt(
    entries: readonly number[],
    { page, seeing }: { readonly page: PageInMaking; readonly seeing: Seeing },
  ): Promise<void> {
    for (const entry of entries) {
      if (memory.look(entry, parts.now()) !== "live") continue;
      try {
        const row = await readRaw(entry);
        const found = row === null ? null : await recall(row, seeing);
        if (found !== null) page.add(found);
        else if (row === null && memory.look(entry, parts.now()) === "live") page.miss(entry);
      } catch (error) {
        if (!(error instanceof MemoryFault)) throw error;
        page.miss(entry);
      }
    }
  }

  /** Numbers of live entries of a plane, newest first, at most a stride. */
  function newestBelow(below: number, of: PlaneOf): readonly number[] {
    const found: number[] = [];
    for (const entry of memory.entries(of, below)) {
      if (memory.look(entry, parts.now()) === "live") found.push(entry);
      if (found.length === STRIDE) break;
    }
    return found;
  }

  /** Lets others have a turn. */
  function breathe(): Promise<void> {
    return new Promise((resolve) => {
      parts.timer.after(0, resolve);
    });
  }
}

function isOf(place: PlaneOf | null, { agent, plane }: PlaneOf): boolean {
  return place?.agent === agent && place.plane === plane;
}

function hasAll(its: readonly string[], words: readonly string[]): boolean {
  return words.every((word) => its.includes(word));
}
