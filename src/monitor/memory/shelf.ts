import { wordsOf } from "../../kernel/memory-words.ts";
import type { PlaneOf } from "../../kernel/memory.ts";
import type { Crypto, Random } from "../../platform/powers.ts";
import type { SqlDatabase, SqlRow } from "../../platform/files/sqlite.ts";
import type { IndexKey, Numbers, ShelfOrders } from "./shelf-orders.ts";
import { tokenOf, unwrapPart, wrapPart } from "./shelf-parts.ts";
import { READ_ONE, rowsOf } from "./shelf-rows.ts";
import { prepareSchema } from "./shelf-schema.ts";

/** Entries of one part of the index: so many are indexed anew when one of them is destroyed. */
const SEGMENT_ENTRIES = 2048;
/** Rows that are looked at or removed at a time; others take turns in between. */
const CHUNK = 250;
const WORDS = 500;
/** Keys of parts that are wrapped anew at a time. */
const KEYS = 32;
/** A word that so many entries of a part have, or more, is common: how many more does not matter to a search. */
const COMMON = 64;
/** Words of a part whose hashes are kept at hand. */
const KNOWN_WORDS = 1024;

/** A part as it is in memory: whose it is, nobody who writes the file can say otherwise while this runs. */
interface Segment {
  readonly id: number;
  readonly place: string;
  readonly key: Uint8Array;
  entries: number;
  /** No entry in it has a higher number. */
  newest: number;
  /** Hashes of words that came lately, while it takes new entries: most words of a text are in many. */
  readonly tokens: Map<string, number>;
}

/** What answers the orders: each gives its answer, or throws. `beside`, `drop` and `rewrap` take turns with others between chunks. */
export type Shelf = {
  readonly [K in Exclude<keyof ShelfOrders, "renew">]: (
    body: ShelfOrders[K]["body"],
  ) => ShelfOrders[K]["ok"] | Promise<ShelfOrders[K]["ok"]>;
};

/**
 * Sealed entries and the index of their words in a database. It is a view: every entry is in the log, this can be deleted and
 * is made again. The words stand there as hashes under the key of their part of the index, and that key is wrapped by the
 * epoch: when an epoch ends, no copy of a part that was dropped says anything any more.
 */
export function createShelf(
  database: SqlDatabase,
  powers: {
    readonly crypto: Pick<Crypto, "sha256" | "seal" | "open">;
    readonly random: Pick<Random, "bytes">;
    pause(): Promise<void>;
  },
): Shelf {
  const { crypto, random } = powers;
  prepareSchema(database);
  const insert = database.prepare(
    "INSERT OR REPLACE INTO entries (entry, place, expires, digest, bytes, sealed, segment) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const one = database.prepare(READ_ONE);
  const remove = database.prepare("DELETE FROM entries WHERE entry = ?");
  const moveTo = database.prepare("UPDATE entries SET segment = ? WHERE entry = ?");
  // All words of an entry in one statement: a third of the time that one for each takes.
  const addPostings = database.prepare(
    "INSERT OR IGNORE INTO postings (segment, token, entry) SELECT ?1, value, ?2 FROM json_each(?3)",
  );
  const addSegment = database.prepare("INSERT INTO segments (place, bucket, epoch, wrapped) VALUES (?, ?, ?, ?)");
  const allSegments = database.prepare(
    "SELECT s.*, (SELECT COUNT(*) FROM entries e WHERE e.segment = s.id) AS held, (SELECT MAX(entry) FROM entries e WHERE e.segment = s.id) AS newest FROM segments s ORDER BY s.id",
  );
  const lastId = database.prepare("SELECT last_insert_rowid() AS id");
  const membersOf = database.prepare(
    "SELECT entry FROM entries WHERE segment = ? AND entry > ? ORDER BY entry LIMIT ?",
  );
  const segmentOf = database.prepare("SELECT segment FROM entries WHERE entry = ?");
  const placed = database.prepare("SELECT segment, digest FROM entries WHERE entry = ?");
  const setWrapped = database.prepare("UPDATE segments SET epoch = ?, wrapped = ? WHERE id = ?");
  // Bounded by a word's hash: what is in a range goes without being looked up one by one. A word has at most a part's entries.
  const boundOf = database.prepare("SELECT token FROM postings WHERE segment = ? ORDER BY token LIMIT 1 OFFSET ?");
  const dropUpTo = database.prepare("DELETE FROM postings WHERE segment = ? AND token <= ?");
  const dropRest = database.prepare("DELETE FROM postings WHERE segment = ?");
  const holders = database.prepare(
    "SELECT COUNT(*) AS count FROM (SELECT 1 FROM postings WHERE segment = ? AND token = ? LIMIT ?)",
  );
  const dropSegment = database.prepare("DELETE FROM segments WHERE id = ?");

  let wrapping: IndexKey | null = null;
  const segments = new Map<number, Segment>();
  /** The part that takes new entries, by place and end. */
  const open = new Map<string, Segment>();
  /** Parts that the transaction under way made. */
  let made: number[] = [];

  return {
    begin({ key }) {
      wrapping = key;
      for (const row of allSegments.all()) {
        const id = Number(row["id"]);
        const place = String(row["place"]);
        const of = { place, wrapping: key, crypto };
        const unwrapped = row["epoch"] === key.epoch ? unwrapPart(String(row["wrapped"]), of) : null;
        if (unwrapped === null) forgetSegment(id);
        else {
          const [entries, newest] = [Number(row["held"]), Number(row["newest"] ?? -1)];
          segments.set(id, { id, place, key: unwrapped, entries, newest, tokens: new Map() });
        }
      }
      const entries = database.prepare("SELECT entry FROM entries ORDER BY entry").all().map(entryOf);
      const unindexed = database
        .prepare("SELECT entry FROM entries WHERE segment IS NULL OR segment NOT IN (SELECT id FROM segments)")
        .all()
        .map(entryOf);
      return { entries, unindexed };
    },

    add({ rows }) {
      transaction(() => {
        for (const { entry, expires, digest, bytes, sealed, ...row } of rows) {
          const place = placeOf(row);
          // Twice in the index it would be taken out of it once.
          if (isIndexed(entry, digest)) continue;
          insert.run(entry, place, expires, digest, bytes, sealed, indexText(row, { entry, place }));
        }
      });
      return null;
    },

    remove({ entries }) {
      transaction(() => {
        for (const entry of entries) remove.run(entry);
      });
      return null;
    },

    read: ({ entry }) => rowsOf(one.all(entry))[0] ?? null,
    search({ words, before, most, ...of }) {
      if (words.length === 0) return [];
      const find = database.prepare(havingAll(words.length));
      const place = placeOf(of);
      const parts = [...segments.values()].filter((segment) => segment.place === place);
      let found: readonly number[] = [];
      for (const segment of parts.toSorted((left, right) => right.newest - left.newest)) {
        // All that are left have older ones only.
        if (found.length === most && (found.at(-1) ?? 0) > segment.newest) break;
        const tokens = rarestFirst(segment, words);
        if (tokens === null) continue;
        const its = find.all(segment.id, ...tokens, before ?? Number.MAX_SAFE_INTEGER, most).map(entryOf);
        found = [...new Set([...found, ...its])].toSorted((left, right) => right - left).slice(0, most);
      }
      return found;
    },

    async beside({ entries }) {
      const gone = new Set<number>();
      const touched = new Set<number>();
      await inChunks(entries, (some) => {
        for (const entry of some) {
          gone.add(entry);
          const segment = segmentOf.all(entry)[0]?.["segment"];
          if (typeof segment === "number") touched.add(segment);
        }
      });
      // Nothing is added to a part that is about to go; only then are its members counted.
      for (const [name, segment] of open) if (touched.has(segment.id)) open.delete(name);
      const others: number[] = [];
      for (const id of touched) {
        let some: readonly number[];
        let last = -1;
        do {
          some = membersOf.all(id, last, CHUNK).map(entryOf);
          others.push(...some.filter((entry) => !gone.has(entry)));
          last = some.at(-1) ?? last;
          await powers.pause();
        } while (some.length === CHUNK);
      }
      return { segments: [...touched], others: Float64Array.from(others) };
    },

    index({ texts }) {
      transaction(() => {
        for (const { entry, ...words } of texts) {
          const [row] = one.all(entry);
          if (row !== undefined) moveTo.run(indexText(words, { entry, place: String(row["place"]) }), entry);
        }
      });
      return null;
    },

    async drop({ entries, segments: ids }) {
      await inChunks(entries, (some) => {
        transaction(() => {
          for (const entry of some) remove.run(entry);
        });
      });
      for (const id of ids) {
        segments.delete(id);
        for (let bound = boundOf.all(id, WORDS)[0]; bound !== undefined; bound = boundOf.all(id, WORDS)[0]) {
          dropUpTo.run(id, Number(bound["token"]));
          await powers.pause();
        }
        dropRest.run(id);
        dropSegment.run(id);
        await powers.pause();
      }
      return null;
    },

    async rewrap({ key }) {
      wrapping = key;
      const old = [...segments.values()];
      for (let from = 0; from < old.length; from += KEYS) {
        transaction(() => {
          for (const { id, place, key: plain } of old.slice(from, from + KEYS))
            setWrapped.run(key.epoch, wrap(plain, place), id);
        });
        await powers.pause();
      }
      // What the write-ahead log still has of the old wrapping is worth nothing without its key.
      return null;
    },

    // Whoever waits for it comes after everything that was asked before.
    settled: () => null,

    close() {
      database.close();
      return null;
    },
  };

  /** Gives the number of the part in which the text is indexed now. */
  function indexText(
    { text, bucket }: { readonly text: string; readonly bucket: number },
    { entry, place }: { readonly entry: number; readonly place: string },
  ): number {
    const segment = segmentFor(place, bucket);
    segment.entries += 1;
    segment.newest = Math.max(segment.newest, entry);
    addPostings.run(segment.id, entry, JSON.stringify(wordsOf(text).map((word) => knownTokenOf(segment, word))));
    return segment.id;
  }

  /** Hashes of words, the one that fewest entries of a part have first; null when one of them has none. */
  function rarestFirst(segment: Segment, words: readonly string[]): readonly number[] | null {
    const counted = words.map((word) => {
      const token = tokenOf(segment.key, word, crypto);
      return { token, count: Number(holders.all(segment.id, token, COMMON)[0]?.["count"]) };
    });
    if (counted.some(({ count: having }) => having === 0)) return null;
    return counted.toSorted((left, right) => left.count - right.count).map(({ token }) => token);
  }

  async function inChunks(entries: Numbers, work: (some: Numbers) => void): Promise<void> {
    for (let from = 0; from < entries.length; from += CHUNK) {
      work(entries.slice(from, from + CHUNK));
      await powers.pause();
    }
  }

  function segmentFor(place: string, bucket: number): Segment {
    const name = `${place} ${bucket}`;
    const known = open.get(name);
    if (known !== undefined && known.entries < SEGMENT_ENTRIES) return known;
    known?.tokens.clear();
    const key = random.bytes(32);
    addSegment.run(place, bucket, (wrapping ?? unready()).epoch, wrap(key, place));
    const id = Number(lastId.all()[0]?.["id"]);
    const segment = { id, place, key, entries: 0, newest: -1, tokens: new Map<string, number>() };
    segments.set(id, segment);
    open.set(name, segment);
    made.push(id);
    return segment;
  }

  /** A part whose key is lost: what was in it is indexed anew. */
  function forgetSegment(id: number): void {
    transaction(() => {
      database.prepare("UPDATE entries SET segment = NULL WHERE segment = ?").run(id);
      database.prepare("DELETE FROM postings WHERE segment = ?").run(id);
      dropSegment.run(id);
    });
  }

  /** The hash of a word, remembered: for the part that takes new entries. */
  function knownTokenOf(segment: Segment, word: string): number {
    const { tokens } = segment;
    const token = tokens.get(word) ?? tokenOf(segment.key, word, crypto);
    if (tokens.size >= KNOWN_WORDS) tokens.clear();
    tokens.set(word, token);
    return token;
  }

  function wrap(key: Uint8Array, place: string): string {
    return wrapPart(key, { place, wrapping: wrapping ?? unready(), crypto, random });
  }

  /** Whether this very entry is there, in a part whose key is. */
  function isIndexed(entry: number, digest: string): boolean {
    const [row] = placed.all(entry);
    return row !== undefined && row["digest"] === digest && segments.has(Number(row["segment"] ?? -1));
  }

  function transaction(work: () => void): void {
    database.execute("BEGIN");
    made = [];
    try {
      work();
      database.execute("COMMIT");
    } catch (error) {
      // Parts that were made are not there either: nothing may be indexed under their numbers and keys.
      for (const id of made) segments.delete(id);
      open.clear();
      database.execute("ROLLBACK");
      throw error;
    }
  }
}

/** Entries of a part that have so many words, newest first: those with the first, each looked up among those with the others. */
function havingAll(words: number): string {
  const others = Array.from(
    { length: words - 1 },
    (_, at) => ` AND EXISTS (SELECT 1 FROM postings WHERE segment = ?1 AND token = ?${at + 3} AND entry = p.entry)`,
  );
  return `SELECT entry FROM postings p WHERE segment = ?1 AND token = ?2${others.join("")} AND entry < ?${words + 2} ORDER BY entry DESC LIMIT ?${words + 3}`;
}

/** Answers orders from a shelf that is made anew when that is asked. */
export function serveShelf(
  first: Shelf,
  anew: () => Shelf,
): <K extends keyof ShelfOrders>(name: K, body: ShelfOrders[K]["body"]) => Promise<ShelfOrders[K]["ok"]> {
  let shelf = first;
  const serve = async (name: keyof ShelfOrders, body: never): Promise<unknown> => {
    if (name !== "renew") return shelf[name](body);
    await shelf.close(null);
    shelf = anew();
    return shelf.begin(body);
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each order is answered as the shelf answers it
  return serve as ReturnType<typeof serveShelf>;
}

function placeOf({ agent, plane }: PlaneOf): string {
  return `${agent}/${plane}`;
}

function entryOf(row: SqlRow): number {
  return Number(row["entry"]);
}

function unready(): never {
  throw new Error("the shelf was not begun");
}
