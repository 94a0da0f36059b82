import type { SqlDatabase } from "../../platform/files/sqlite.ts";
import type { LogRecord } from "../../protocol/record.ts";

/** What to look for. Null and an empty list match everything; what is given must be equal. */
export interface RecordQuery {
  /** First sequence number to look at. */
  readonly from: number;
  /** What to look below; absent: to the end. */
  readonly before?: number | null;
  /** Whether the newest are found first; absent: the oldest are. */
  readonly newest?: boolean;
  readonly limit: number;
  readonly instance: string | null;
  readonly kinds: readonly string[];
  /** Digest of an action: all records of one request. */
  readonly action?: string | null;
  /** Reason code. */
  readonly code?: string | null;
}

/**
 * Finds records without reading the log. It is a view: the log is the source of truth, this can be deleted at any time,
 * and what it answers are numbers of records that are then read from the log.
 */
export interface RecordIndex {
  /** Number of the first record that the index does not know. */
  readonly next: number;
  /**
   * Takes in one durable record; in the order of their numbers, from any number up to `next` on. One that the index
   * knows otherwise (it is of another log, or older) replaces that and everything behind it. Not durable by itself.
   */
  add(record: LogRecord): void;
  /** Sequence numbers of what matches, oldest first or newest first, at most `limit`. */
  find(query: RecordQuery): readonly number[];
  /** Writes what was added and closes the database. */
  close(): void;
}

/** Stored in the database; a file of another version is dropped and made again. */
const VERSION = 1;
/** Records that wait in memory before they are written as one transaction. */
const BATCH = 256;
const MOST_KINDS = 64;

type Row = readonly [
  seq: number,
  at: number,
  kind: string,
  instance: string | null,
  action: string | null,
  what: string | null,
  code: string | null,
];

/** Opens the index in a database, which is made empty when it holds anything else. The database is the index's own. */
export function openRecordIndex(database: SqlDatabase): RecordIndex {
  prepareSchema(database);
  const insert = database.prepare(
    "INSERT INTO records (seq, at, kind, instance, action, what, code) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const lookUp = database.prepare("SELECT seq, at, kind, instance, action, what, code FROM records WHERE seq = ?");
  const cut = database.prepare("DELETE FROM records WHERE seq >= ?");
  const search = database.prepare(searchText("seq"));
  const searchNewest = database.prepare(searchText("seq DESC"));
  let waiting: Row[] = [];
  let written = Number(
    database.prepare("SELECT COALESCE(MAX(seq) + 1, 0) AS next FROM records").all()[0]?.["next"] ?? 0,
  );

  return {
    get next() {
      return written + waiting.length;
    },
    add(record) {
      const row = rowOf(record);
      if (record.seq > written + waiting.length) {
        throw new RangeError(`Cannot index record ${record.seq}: the one before it is missing`);
      }
      if (record.seq < written + waiting.length) {
        flush();
        const [known] = lookUp.all(record.seq);
        if (known !== undefined && isSame(Object.values(known), row)) return;
        cut.run(record.seq);
        written = record.seq;
      }
      waiting.push(row);
      if (waiting.length >= BATCH) flush();
    },
    find({ from, before = null, newest = false, limit, instance, kinds, action = null, code = null }) {
      flush();
      const statement = newest ? searchNewest : search;
      return statement
        .all(from, instance, action, code, JSON.stringify(kinds), limit, before)
        .map((row) => Number(row["seq"]));
    },
    close() {
      flush();
      database.close();
    },
  };

  function flush(): void {
    if (waiting.length === 0) return;
    database.execute("BEGIN");
    try {
      for (const row of waiting) insert.run(...row);
      database.execute("COMMIT");
    } catch (error) {
      database.execute("ROLLBACK");
      throw error;
    }
    written += waiting.length;
    waiting = [];
  }
}

function searchText(order: "seq" | "seq DESC"): string {
  return `SELECT seq FROM records WHERE seq >= ?1 AND (?7 IS NULL OR seq < ?7) AND (?2 IS NULL OR instance = ?2)
    AND (?3 IS NULL OR action = ?3) AND (?4 IS NULL OR code = ?4)
    AND (?5 = '[]' OR kind IN (SELECT value FROM json_each(?5))) ORDER BY ${order} LIMIT ?6`;
}

/** Throws `RangeError` on more kinds than are looked for at once. */
export function refuseKinds({ kinds }: Pick<RecordQuery, "kinds">): void {
  if (kinds.length > MOST_KINDS) throw new RangeError(`Cannot look for ${kinds.length} kinds at once`);
}

/** Whether a record is what a query looks for, read from the record itself. */
export function isFound(
  record: LogRecord,
  { from, before = null, instance, kinds, action = null, code = null }: RecordQuery,
): boolean {
  const [seq, , kind, ofInstance, ofAction, , ofCode] = rowOf(record);
  return (
    seq >= from &&
    (before === null || seq < before) &&
    (instance === null || ofInstance === instance) &&
    (kinds.length === 0 || kinds.includes(kind)) &&
    (action === null || ofAction === action) &&
    (code === null || ofCode === code)
  );
}

function prepareSchema(database: SqlDatabase): void {
  const [found] = database.prepare("PRAGMA user_version").all();
  if (found?.["user_version"] === VERSION) return;
  database.execute(`
    BEGIN;
    DROP TABLE IF EXISTS records;
    CREATE TABLE records (
      seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
      instance TEXT, action TEXT, what TEXT, code TEXT
    ) STRICT;
    CREATE INDEX by_instance ON records (instance, seq) WHERE instance IS NOT NULL;
    CREATE INDEX by_action ON records (action, seq) WHERE action IS NOT NULL;
    CREATE INDEX by_code ON records (code, seq) WHERE code IS NOT NULL;
    CREATE INDEX by_kind ON records (kind, seq);
    PRAGMA user_version = ${VERSION};
    COMMIT;
  `);
}

function rowOf(record: LogRecord): Row {
  const instance = "instance" in record ? record.instance : null;
  const action = "action" in record ? record.action : null;
  const what = "what" in record ? record.what : null;
  const code = "code" in record ? record.code : null;
  return [record.seq, record.at, record.kind, instance, action, what, code];
}

function isSame(known: readonly unknown[], row: Row): boolean {
  return known.length === row.length && row.every((value, at) => value === known[at]);
}
