import { wordsOf } from "../../kernel/memory-words.ts";
import type { PlaneOf } from "../../kernel/memory.ts";
import type { Crypto, Random } from "../../platform/powers.ts";
import type { SqlDatabase, SqlRow } from "../../platform/sqlite.ts";
import { concatBytes, encodeUtf8, fromBase64, toBase64 } from "../../protocol/bytes.ts";
import type { IndexKey, ShelfOrders } from "./shelf-orders.ts";
import { READ_ONE, rowsOf } from "./shelf-rows.ts";

/** Stored in the database; a file of another version is dropped and made again. */
const VERSION = 1;
/** Entries of one part of the index: so many are indexed anew when one of them is destroyed. */
const SEGMENT_ENTRIES = 2048;
/** Rows that are looked at or removed at a time; others take turns in between. */
const CHUNK = 500;
/** A word that so many entries of a part have, or more, is common: how many more does not matter to a search. */
const COMMON = 64;
/** Words of a part whose hashes are kept at hand. */
const KNOWN_WORDS = 1024;
const NONCE_BYTES = 12;
const NOTHING = new Uint8Array(0);

interface Segment {
  readonly id: number;
  readonly key: Uint8Array;
  entries: number;
  /** Hashes of words that came lately, while it takes new entries: most words of a text are in many. */
  readonly tokens: Map<string, number>;
}

/** What answers the orders: each gives its answer, or throws. `beside` and `drop` take turns with others between chunks. */
export type Shelf = {
  readonly [K in keyof ShelfOrders]: (
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
  const scan = database.prepare("SELECT * FROM entries WHERE entry >= ? ORDER BY entry LIMIT ?");
  const list = database.prepare("SELECT * FROM entries WHERE place = ?1 AND entry < ?2 ORDER BY entry DESC LIMIT ?3");
  const count = database.prepare("SELECT COUNT(*) AS count FROM entries WHERE place = ?");
  const remove = database.prepare("DELETE FROM entries WHERE entry = ?");
  const moveTo = database.prepare("UPDATE entries SET segment = ? WHERE entry = ?");
  // All words of an entry in one statement: a third of the time that one for each takes.
  const addPostings = database.prepare(
    "INSERT OR IGNORE INTO postings (segment, token, entry) SELECT ?1, value, ?2 FROM json_each(?3)",
  );
  const addSegment = database.prepare("INSERT INTO segments (place, bucket, epoch, wrapped) VALUES (?, ?, ?, ?)");
  const allSegments = database.prepare(
    "SELECT s.*, (SELECT COUNT(*) FROM entries e WHERE e.segment = s.id) AS held FROM segments s ORDER BY s.id",
  );
  const lastId = database.prepare("SELECT last_insert_rowid() AS id");
  const segmentsOf = database.prepare("SELECT id FROM segments WHERE place = ? ORDER BY id DESC");
  const membersOf = database.prepare(
    "SELECT entry FROM entries WHERE segment = ? AND entry > ? ORDER BY entry LIMIT ?",
  );
  const segmentOf = database.prepare("SELECT segment FROM entries WHERE entry = ?");
  const setWrapped = database.prepare("UPDATE segments SET epoch = ?, wrapped = ? WHERE id = ?");
  // Bounded by a word's hash: what is in a range goes without being looked up one by one. A word has at most a part's entries.
  const boundOf = database.prepare("SELECT token FROM postings WHERE segment = ? ORDER BY token LIMIT 1 OFFSET ?");
  const dropUpTo = database.prepare("DELETE FROM postings WHERE segment = ? AND token <= ?");
  const dropRest = database.prepare("DELETE FROM postings WHERE segment = ?");
  const holders = database.prepare(
    "SELECT COUNT(*) AS count FROM (SELECT 1 FROM postings WHERE segment = ? AND token = ? LIMIT ?)",
  );
  const dropSegment = database.prepare("DELETE FROM segments WHERE id = ?");
  const placeOfPart = database.prepare("SELECT place FROM segments WHERE id = ?");
  const hasToken = database.prepare("SELECT 1 AS has FROM postings WHERE segment = ? AND token = ? AND entry = ?");

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
        const unwrapped = row["epoch"] === key.epoch ? unwrap(String(row["wrapped"])) : null;
        if (unwrapped !== null)
          segments.set(id, { id, key: unwrapped, entries: Number(row["held"]), tokens: new Map() });
        else forgetSegment(id);
      }
      const entries = database.prepare("SELECT entry FROM entries ORDER BY entry").all().map(entryOf);
      const unindexed = database.prepare("SELECT entry FROM entries WHERE segment IS NULL").all().map(entryOf);
      return { entries, unindexed };
    },

    add({ rows }) {
      transaction(() => {
        for (const { entry, expires, digest, bytes, sealed, ...row } of rows) {
          const place = placeOf(row);
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
    scan: ({ from, most }) => rowsOf(scan.all(from, most)),

    list({ before, most, ...of }) {
      const rows = rowsOf(list.all(placeOf(of), before ?? Number.MAX_SAFE_INTEGER, most));
      return { rows, count: Number(count.all(placeOf(of))[0]?.["count"]) };
    },

    search({ words, most, ...of }) {
      if (words.length === 0) return [];
      const find = database.prepare(havingAll(words.length));
      const found: number[] = [];
      for (const row of segmentsOf.all(placeOf(of))) {
        const segment = segments.get(Number(row["id"]));
        const tokens = segment === undefined ? null : rarestFirst(segment, words);
        if (segment === undefined || tokens === null) continue;
        found.push(...find.all(segment.id, ...tokens, most).map(entryOf));
        if (found.length >= most) break;
      }
      return found
        .toSorted((left, right) => right - left)
        .slice(0, most)
        .flatMap((entry) => rowsOf(one.all(entry)));
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
      return { segments: [...touched], others };
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
        for (let bound = boundOf.all(id, CHUNK)[0]; bound !== undefined; bound = boundOf.all(id, CHUNK)[0]) {
          dropUpTo.run(id, Number(bound["token"]));
          await powers.pause();
        }
        dropRest.run(id);
        dropSegment.run(id);
        await powers.pause();
      }
      return null;
    },

    rewrap({ key }) {
      wrapping = key;
      transaction(() => {
        for (const { id, key: plain } of segments.values()) setWrapped.run(key.epoch, wrap(plain), id);
      });
      // What the write-ahead log still has of the old wrapping is worth nothing without its key.
      return null;
    },

    check({ entry, text }) {
      const [row] = one.all(entry);
      const id = row?.["segment"];
      const segment = typeof id === "number" ? segments.get(id) : undefined;
      if (segment === undefined || placeOfPart.all(segment.id)[0]?.["place"] !== row?.["place"]) return false;
      // One too many would only make a candidate more, which is opened and found not to have the word.
      return wordsOf(text).every((word) => hasToken.all(segment.id, tokenOf(segment, word), entry).length > 0);
    },

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
    addPostings.run(segment.id, entry, JSON.stringify(wordsOf(text).map((word) => knownTokenOf(segment, word))));
    return segment.id;
  }

  /** Hashes of words, the one that fewest entries of a part have first; null when one of them has none. */
  function rarestFirst(segment: Segment, words: readonly string[]): readonly number[] | null {
    const counted = words.map((word) => {
      const token = tokenOf(segment, word);
      return { token, count: Number(holders.all(segment.id, token, COMMON)[0]?.["count"]) };
    });
    if (counted.some(({ count: having }) => having === 0)) return null;
    return counted.toSorted((left, right) => left.count - right.count).map(({ token }) => token);
  }

  async function inChunks(entries: readonly number[], work: (some: readonly number[]) => void): Promise<void> {
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
    addSegment.run(place, bucket, (wrapping ?? unready()).epoch, wrap(key));
    const id = Number(lastId.all()[0]?.["id"]);
    const segment = { id, key, entries: 0, tokens: new Map<string, number>() };
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

  /** 52 bits of a keyed hash. The input has a key of one length in front and the output is cut, so nothing extends it. */
  function tokenOf({ key }: Segment, word: string): number {
    const hash = crypto.sha256(concatBytes([key, encodeUtf8(word)]));
    const view = new DataView(hash.buffer, hash.byteOffset);
    return view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12);
  }

  /** The same, remembered: for the part that takes new entries. */
  function knownTokenOf(segment: Segment, word: string): number {
    const { tokens } = segment;
    const token = tokens.get(word) ?? tokenOf(segment, word);
    if (tokens.size >= KNOWN_WORDS) tokens.clear();
    tokens.set(word, token);
    return token;
  }

  function wrap(key: Uint8Array): string {
    const nonce = random.bytes(NONCE_BYTES);
    return toBase64(concatBytes([nonce, crypto.seal((wrapping ?? unready()).key, nonce, key, NOTHING)]));
  }

  function unwrap(wrapped: string): Uint8Array | null {
    const bytes = fromBase64(wrapped);
    if (bytes === null || wrapping === null) return null;
    try {
      return crypto.open(wrapping.key, bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES), NOTHING);
    } catch {
      return null;
    }
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

function prepareSchema(database: SqlDatabase): void {
  // What is removed is overwritten; what the write-ahead log keeps of it is sealed, or hashed under a key that is gone.
  database.execute("PRAGMA secure_delete = ON");
  const [found] = database.prepare("PRAGMA user_version").all();
  if (found?.["user_version"] === VERSION) return;
  database.execute(`
    BEGIN;
    DROP TABLE IF EXISTS entries;
    DROP TABLE IF EXISTS segments;
    DROP TABLE IF EXISTS postings;
    CREATE TABLE entries (
      entry INTEGER PRIMARY KEY, place TEXT NOT NULL, expires INTEGER, digest TEXT NOT NULL,
      bytes INTEGER NOT NULL, sealed TEXT NOT NULL, segment INTEGER
    ) STRICT;
    CREATE INDEX by_place ON entries (place, entry);
    CREATE INDEX by_segment ON entries (segment);
    CREATE TABLE segments (
      id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, bucket INTEGER NOT NULL,
      epoch INTEGER NOT NULL, wrapped TEXT NOT NULL
    ) STRICT;
    CREATE INDEX parts_of_place ON segments (place, id);
    CREATE TABLE postings (
      segment INTEGER NOT NULL, token INTEGER NOT NULL, entry INTEGER NOT NULL,
      PRIMARY KEY (segment, token, entry)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = ${VERSION};
    COMMIT;
  `);
}

/** Entries of a part that have so many words, newest first: those with the first, each looked up among those with the others. */
function havingAll(words: number): string {
  const others = Array.from(
    { length: words - 1 },
    (_, at) => ` AND EXISTS (SELECT 1 FROM postings WHERE segment = ?1 AND token = ?${at + 3} AND entry = p.entry)`,
  );
  return `SELECT entry FROM postings p WHERE segment = ?1 AND token = ?2${others.join("")} ORDER BY entry DESC LIMIT ?${words + 2}`;
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
