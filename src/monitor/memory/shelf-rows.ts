import type { SqlDatabase, SqlRow } from "../../platform/files/sqlite.ts";
import type { ShelfRow } from "./shelf-orders.ts";

/** Finds one row by its number. */
export const READ_ONE = "SELECT * FROM entries WHERE entry = ?";

/** Reads single entries of a shelf, from a connection to its file. */
export interface RowReader {
  /** Null: not there, or not yet. Throws when the file cannot be read. */
  read(entry: number): ShelfRow | null;
  close(): void;
}

/** Throws when the file is not one that `createShelf` made before. */
export function createRowReader(database: Pick<SqlDatabase, "prepare" | "close">): RowReader {
  const one = database.prepare(READ_ONE);
  return { read: (entry) => rowsOf(one.all(entry))[0] ?? null, close: () => database.close() };
}

/** Rows of the table as they were put there; one that names no plane was put there by somebody else and is left out. */
export function rowsOf(rows: readonly SqlRow[]): readonly ShelfRow[] {
  return rows.flatMap((row): readonly ShelfRow[] => {
    const [agent = "", plane] = String(row["place"]).split("/");
    if (plane !== "append-only" && plane !== "ephemeral") return [];
    return [
      {
        entry: Number(row["entry"]),
        agent,
        plane,
        expires: row["expires"] === null ? null : Number(row["expires"]),
        digest: String(row["digest"]),
        bytes: Number(row["bytes"]),
        sealed: String(row["sealed"]),
      },
    ];
  });
}
