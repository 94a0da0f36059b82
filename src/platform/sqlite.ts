import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** A value in a database. Integers are within the safe range. */
export type SqlValue = string | number | null;
export type SqlRow = { readonly [column: string]: SqlValue };

/** One prepared statement; values are bound, never spliced into text. */
export interface SqlStatement {
  run(...values: readonly SqlValue[]): void;
  all(...values: readonly SqlValue[]): readonly SqlRow[];
}

/** A database that holds nothing which cannot be made again: it is fast and may lose its last writes, never its shape. */
export interface SqlDatabase {
  execute(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

/**
 * Opens a database file, which is made when it is not there. Throws when it is no database of this kind: the caller
 * removes it and begins again. Names in double quotes are never read as text, and nothing loads extensions.
 */
export function openDatabase(path: string): SqlDatabase {
  const database = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: false, allowExtension: false });
  try {
    // A write-ahead log without a sync for each transaction: after a power cut the last ones may be gone, no more.
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; PRAGMA quick_check(1);",
    );
  } catch (error) {
    database.close();
    throw error;
  }
  return Object.freeze({
    execute: (sql: string) => database.exec(sql),
    prepare: prepareIn(database),
    close: () => database.close(),
  });
}

/**
 * Opens a database file that another connection made and writes, to read from it. Throws when there is none. It sees what was
 * committed by the time of each statement, and holds nothing up.
 */
export function openDatabaseToRead(path: string): Pick<SqlDatabase, "prepare" | "close"> {
  const database = new DatabaseSync(path, {
    readOnly: true,
    enableDoubleQuotedStringLiterals: false,
    allowExtension: false,
  });
  try {
    database.exec("PRAGMA trusted_schema = OFF");
  } catch (error) {
    database.close();
    throw error;
  }
  return Object.freeze({ prepare: prepareIn(database), close: () => database.close() });
}

function prepareIn(database: DatabaseSync): SqlDatabase["prepare"] {
  return (sql) => {
    const statement = database.prepare(sql);
    return Object.freeze({
      run: (...values: readonly SqlValue[]) => void statement.run(...(values satisfies readonly SQLInputValue[])),
      all: (...values: readonly SqlValue[]) => statement.all(...values).map(plainRow),
    });
  };
}

function plainRow(row: { readonly [column: string]: unknown }): SqlRow {
  const plain: { [column: string]: SqlValue } = {};
  for (const [column, value] of Object.entries(row)) {
    if (typeof value !== "string" && typeof value !== "number" && value !== null) {
      throw new TypeError(`Cannot read column ${column}: it holds neither text nor a number`);
    }
    plain[column] = value;
  }
  return plain;
}
