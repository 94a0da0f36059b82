import { wordsOf } from "../../kernel/memory-words.ts";
import type { Crypto } from "../../platform/powers.ts";
import type { SqlDatabase } from "../../platform/files/sqlite.ts";
import type { IndexKey, ShelfRow } from "./shelf-orders.ts";
import { tokenOf, unwrapPart } from "./shelf-parts.ts";
import { READ_ONE, rowsOf } from "./shelf-rows.ts";
import { foreignTo } from "./shelf-schema.ts";

/** What of the structure of a file is told at most, and characters of each. */
const MOST_FINDINGS = 20;
const LONGEST_FINDING = 200;

/** What the file of a shelf is asked for by whoever verifies it: by a connection of its own, as it is on the disk. */
export interface ExaminerOrders {
  /** First of all: from here on it is the file as it stands now. What in it is no shelf, in words. */
  begin: { body: { readonly key: IndexKey }; ok: readonly string[] };
  /** What of its pages, tables and indexes does not hang together, in words. Takes as long as reading all of it. */
  structure: { body: null; ok: readonly string[] };
  rows: { body: { readonly entries: readonly number[] }; ok: readonly ShelfRow[] };
  /** Of these entries those that the index does not find by every word of their text. */
  check: {
    body: { readonly texts: readonly { readonly entry: number; readonly text: string }[] };
    ok: readonly number[];
  };
}

/** The way to who examines the file; rejects when it cannot be read. */
export interface Examiner {
  ask<K extends keyof ExaminerOrders>(name: K, body: ExaminerOrders[K]["body"]): Promise<ExaminerOrders[K]["ok"]>;
  end(): Promise<void>;
}

export type FileExaminer = {
  readonly [K in keyof ExaminerOrders]: (body: ExaminerOrders[K]["body"]) => ExaminerOrders[K]["ok"];
};

/** Examines a file that a shelf writes meanwhile. Throws when it is not there, or is no database. */
export function createExaminer(
  database: Pick<SqlDatabase, "prepare">,
  crypto: Pick<Crypto, "sha256" | "open">,
): FileExaminer {
  interface Part {
    readonly place: string;
    readonly key: Uint8Array;
  }
  const parts = new Map<number, Part>();

  function prepare(): (of: { readonly entry: number; readonly text: string }) => boolean {
    const placed = database.prepare("SELECT segment, place FROM entries WHERE entry = ?");
    const find = database.prepare("SELECT 1 AS has FROM postings WHERE segment = ? AND token = ? AND entry = ?");
    return ({ entry, text }) => {
      const [row] = placed.all(entry);
      const id = Number(row?.["segment"]);
      const part = parts.get(id);
      if (part === undefined || part.place !== row?.["place"]) return false;
      // One too many would only make a candidate more, which is opened and found not to have the word.
      return wordsOf(text).every((word) => find.all(id, tokenOf(part.key, word, crypto), entry).length > 0);
    };
  }

  return {
    begin({ key: wrapping }) {
      // What others write from now on is not seen: rows, parts and keys are those of one moment.
      database.prepare("BEGIN").run();
      const foreign = foreignTo(database);
      if (foreign !== null) return [foreign];
      for (const { id, place, epoch, wrapped } of database.prepare("SELECT * FROM segments").all()) {
        const of = { place: String(place), wrapping, crypto };
        const key = epoch === wrapping.epoch ? unwrapPart(String(wrapped), of) : null;
        if (key !== null) parts.set(Number(id), { place: of.place, key });
      }
      return [];
    },

    structure() {
      const found = database.prepare(`PRAGMA integrity_check(${MOST_FINDINGS})`).all();
      const told = found.flatMap((row) => String(row["integrity_check"]).split("\n"));
      const wrong = told.filter((each) => each !== "ok" && !each.startsWith("*** "));
      return wrong.slice(0, MOST_FINDINGS).map((each) => each.slice(0, LONGEST_FINDING).toWellFormed());
    },

    rows({ entries }) {
      const one = database.prepare(READ_ONE);
      return entries.flatMap((entry) => rowsOf(one.all(entry)));
    },

    check({ texts }) {
      const isFound = prepare();
      return texts.filter((each) => !isFound(each)).map(({ entry }) => entry);
    },
  };
}
