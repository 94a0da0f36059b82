import type { AskShelf, ShelfOrders, ShelfRow } from "./shelf-orders.ts";
import type { RowReader } from "./shelf-rows.ts";

/**
 * The same shelf, where a single entry is read in the thread of whoever asks: to look one up takes some microseconds, and to wake
 * another thread for it takes twenty times as long. What is not found so is asked for in the shelf's own thread, behind
 * everything that was put there before: so nobody sees less than there.
 * @param open called at the first read after `begin`, by which time the file is there.
 */
export function readHere(shelf: AskShelf, open: () => RowReader): AskShelf {
  let reader: RowReader | null = null;

  function look(entry: number): ShelfRow | null {
    try {
      reader ??= open();
      return reader.read(entry);
    } catch {
      return null; // the thread says what is wrong with it
    }
  }
  const ask = async (name: keyof ShelfOrders, body: ShelfOrders[keyof ShelfOrders]["body"]): Promise<unknown> => {
    if (name === "read" && body !== null && "entry" in body) {
      const row = look(body.entry);
      if (row !== null) return row;
    }
    if (name === "close" || name === "renew") {
      // Before the thread's own connection, which leaves the file whole and without a write-ahead log when it is the last.
      reader?.close();
      reader = null;
    }
    return shelf(name, body);
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each order is answered as the shelf answers it
  return ask as AskShelf;
}
