import type { SqlDatabase } from "../../platform/files/sqlite.ts";

/** Stored in the database; a file of another version is dropped and made again. */
const VERSION = 2;

const SCHEMA = [
  `CREATE TABLE entries (
    entry INTEGER PRIMARY KEY, place TEXT NOT NULL, expires INTEGER, digest TEXT NOT NULL,
    bytes INTEGER NOT NULL, sealed TEXT NOT NULL, segment INTEGER
  ) STRICT`,
  "CREATE INDEX by_segment ON entries (segment)",
  `CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, bucket INTEGER NOT NULL,
    epoch INTEGER NOT NULL, wrapped TEXT NOT NULL
  ) STRICT`,
  `CREATE TABLE postings (
    segment INTEGER NOT NULL, token INTEGER NOT NULL, entry INTEGER NOT NULL,
    PRIMARY KEY (segment, token, entry)
  ) STRICT, WITHOUT ROWID`,
];

/** Makes the tables of a shelf in a database that has others, or none. */
export function prepareSchema(database: SqlDatabase): void {
  // What is removed is overwritten; what the write-ahead log keeps of it is sealed, or hashed under a key that is gone.
  database.execute("PRAGMA secure_delete = ON");
  if (foreignTo(database) === null) return;
  const drop = database
    .prepare(
      "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite_%'",
    )
    .all()
    .map(({ type, name }) => `DROP ${String(type)} IF EXISTS "${String(name).replaceAll('"', '""')}"`);
  database.execute(["BEGIN", ...drop, ...SCHEMA, `PRAGMA user_version = ${VERSION}`, "COMMIT", ""].join(";\n"));
}

/** What in a database is no shelf of this version, in words; null: it is one, and nothing else is in it. */
export function foreignTo(database: Pick<SqlDatabase, "prepare">): string | null {
  const [found] = database.prepare("PRAGMA user_version").all();
  if (found?.["user_version"] !== VERSION) return `it is of version ${String(found?.["user_version"])}, not ${VERSION}`;
  const own = database
    .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'")
    .all();
  return own.length === SCHEMA.length && SCHEMA.every((each) => own.some(({ sql }) => sql === each))
    ? null
    : "its tables are not those that belong there";
}
