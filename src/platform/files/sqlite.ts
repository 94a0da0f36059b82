import { existsSync, lstatSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** As much as nobody has to wait for (https://sqlite.org/pragma.html#pragma_wal_checkpoint). */
export const CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)";

/** A value in a database. Integers are within the safe range. */
export type SqlValue = string | number | null;
export type SqlRow = { readonly [column: string]: SqlValue };

/** One prepared statement; values are bound, never spliced into text. */
export interface SqlStatement {
  run(...values: readonly SqlValue[]): void;
  all(...values: readonly SqlValue[]): readonly SqlRow[];
}

/** What is in the file is no database, or not what SQLite wrote there: who can make it anew does. */
export class DatabaseDamaged extends Error {
  override readonly name = "DatabaseDamaged";
  readonly code = "database-damaged";
}

/** SQLITE_ERROR, _CORRUPT, _MISMATCH and _NOTADB: of statements that never change, only the file can be the reason. */
const BY_THE_FILE: ReadonlySet<number> = new Set([1, 11, 20, 26]);

/** A database that holds nothing which cannot be made again: it is fast and may lose its last writes, never its shape. */
export interface SqlDatabase {
  execute(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

/**
 * Opens a database file, which is made when it is not there. Throws DatabaseDamaged when its pages do not hang together: the
 * caller removes it and begins again. Names in double quotes are never read as text, and nothing loads extensions.
 */
export function openDatabase(path: string): SqlDatabase {
  refuseOddFiles(path);
  const database = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: false, allowExtension: false });
  try {
    telling(() => {
      // A write-ahead log without a sync for each transaction: after a power cut the last ones may be gone, no more.
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;");
      const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
      if (found !== "ok") throw new DatabaseDamaged(String(found));
    });
  } catch (error) {
    database.close();
    throw error;
  }
  return Object.freeze({
    execute: (sql: string) => telling(() => database.exec(sql)),
    prepare: prepareIn(database),
    close: () => database.close(),
  });
}

/**
 * Opens a database file that another connection made and writes, to read from it. Throws when there is none. It sees what was
 * committed by the time of each statement, and holds nothing up.
 */
export function openDatabaseToRead(path: string): Pick<SqlDatabase, "prepare" | "close"> {
  refuseOddFiles(path);
  const database = new DatabaseSync(path, {
    readOnly: true,
    enableDoubleQuotedStringLiterals: false,
    allowExtension: false,
  });
  try {
    telling(() => database.exec("PRAGMA trusted_schema = OFF"));
  } catch (error) {
    database.close();
    throw error;
  }
  return Object.freeze({ prepare: prepareIn(database), close: () => database.close() });
}

/** Moves what a write-ahead log holds into the file of its database, from a connection that does nothing else. */
export interface Checkpointer {
  /** Whoever reads and writes meanwhile waits for nothing; what they write meanwhile stays for another time. */
  checkpoint(): void;
  close(): void;
}

/** Opens a database file that another connection made and keeps open. Throws when there is none. */
export function openCheckpointer(path: string): Checkpointer {
  refuseOddFiles(path);
  if (!existsSync(path)) throw new DatabaseDamaged(`${path} is not there`);
  const database = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: false, allowExtension: false });
  return Object.freeze({
    checkpoint: () => telling(() => database.exec(CHECKPOINT)),
    close: () => database.close(),
  });
}

/** SQLite opens what is there: a pipe in place of the file, or of one beside it, would be waited for without end. */
function refuseOddFiles(path: string): void {
  for (const each of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    const found = lstatSync(each, { throwIfNoEntry: false });
    if (found !== undefined && !found.isFile()) throw new DatabaseDamaged(`${each} is not a regular file`);
  }
}

function prepareIn(database: DatabaseSync): SqlDatabase["prepare"] {
  return (sql) => {
    const statement = telling(() => database.prepare(sql));
    return Object.freeze({
      run: (...values: readonly SqlValue[]) =>
        void telling(() => statement.run(...(values satisfies readonly SQLInputValue[]))),
      all: (...values: readonly SqlValue[]) =>
        telling(() => statement.all(...(values satisfies readonly SQLInputValue[])).map(plainRow)),
    });
  };
}

/** Tells a file that is damaged from everything else that can go wrong. */
function telling<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof DatabaseDamaged) throw error;
    const byTheFile = "errcode" in error && typeof error.errcode === "number" && BY_THE_FILE.has(error.errcode & 0xff);
    // A number that was never put there does not fit: it is over what integers are here.
    const odd = "code" in error && error.code === "ERR_OUT_OF_RANGE";
    if (byTheFile || odd) throw new DatabaseDamaged(error.message);
    throw error;
  }
}

function plainRow(row: { readonly [column: string]: unknown }): SqlRow {
  const plain: { [column: string]: SqlValue } = {};
  for (const [column, value] of Object.entries(row)) {
    if (typeof value !== "string" && typeof value !== "number" && value !== null) {
      throw new DatabaseDamaged(`Cannot read column ${column}: it holds neither text nor a number`);
    }
    plain[column] = value;
  }
  return plain;
}
