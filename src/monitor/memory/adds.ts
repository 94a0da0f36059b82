import type { Timer } from "../../platform/powers.ts";
import type { AskShelf, Indexed, ShelfRow } from "./shelf-orders.ts";

/** What may be under way to the shelf before whoever keeps more waits too: UTF-16 units of text, and so many for a row. */
const MOST_UNITS = 262_144;
const ROW_UNITS = 1024;

/**
 * The shelf, where entries that are put there together or while others are under way make one order, and so one transaction.
 * An order goes a moment after its first entry was put: by then the log has its record and waits for the disk, and to wake
 * another thread costs whoever keeps a single entry nothing of the time that he waits.
 */
export interface GroupedShelf {
  /** As the shelf itself: whatever was put before is there for it. */
  readonly ask: AskShelf;
  /**
   * Puts an entry there, for every order that is asked after this call, whether or not that promise is waited for. It
   * resolves when there is room for more and never rejects: a copy that was not made is made at the next start, and until then reading says
   * that it is missing.
   */
  put(row: ShelfRow & Indexed): Promise<void>;
}

export function groupAdds(shelf: AskShelf, timer: Timer): GroupedShelf {
  let waiting: (ShelfRow & Indexed)[] = [];
  let units = 0;
  let last: Promise<void> | null = null;
  let cancel: (() => void) | null = null;

  function send(): void {
    cancel?.();
    cancel = null;
    if (waiting.length === 0) return;
    const rows = waiting;
    waiting = [];
    const sent = shelf("add", { rows })
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        for (const row of rows) units -= unitsOf(row);
        if (last !== sent) return;
        last = null;
        send();
      });
    last = sent;
  }

  return {
    ask(name, body) {
      send();
      return shelf(name, body);
    },
    async put(row) {
      waiting.push(row);
      units += unitsOf(row);
      if (units > MOST_UNITS) {
        if (last === null) send();
        await last;
      } else if (last === null) {
        cancel ??= timer.after(0, send);
      }
    },
  };
}

function unitsOf({ text }: Indexed): number {
  return ROW_UNITS + text.length;
}
