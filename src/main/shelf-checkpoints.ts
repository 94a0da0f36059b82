import type { Resident } from "../platform/resident.ts";
import { CHECKPOINT, type SqlDatabase } from "../platform/files/sqlite.ts";

/** Lengths of a write-ahead log and of what is not yet moved of it, in pages. */
export interface Lengths {
  /** So many are moved together, by the other thread. */
  readonly many: number;
  /** Of a log so long, what is left and is so little is moved by whoever writes, so that the log begins again from its start. */
  readonly long: number;
  readonly little: number;
  /** A log so long is moved by SQLite itself whenever something is written: where the other thread is gone. */
  readonly tooLong: number;
}

const LENGTHS: Lengths = { many: 1000, long: 8000, little: 250, tooLong: 16_000 };

/** Has another thread move what a database's write-ahead log holds into its file: the sync of a thousand pages holds up whoever waits for it. */
export interface Checkpoints {
  /** Looks whether it is time; takes some microseconds. */
  look(): void;
  /** Resolves when nothing is being moved: what can wait writes nothing more before. */
  rest(): Promise<void>;
  /** Resolves when the other thread has let go of the file. */
  end(): Promise<void>;
}

/** @param start starts the other thread, when there is something for it to do for the first time. */
export function createCheckpoints(
  database: Pick<SqlDatabase, "execute" | "prepare">,
  start: () => Pick<Resident, "ask" | "end">,
  { many, long, little, tooLong }: Lengths = LENGTHS,
): Checkpoints {
  database.execute(`PRAGMA wal_autocheckpoint = ${tooLong}`);
  // Says how long it is, and does nothing.
  const length = database.prepare("PRAGMA wal_checkpoint(NOOP)");
  let other: Pick<Resident, "ask" | "end"> | null = null;
  let moving: Promise<void> | null = null;
  let ended = false;

  function look(): void {
    if (moving !== null || ended) return;
    const { pages, left } = measure();
    if (left === 0) return;
    if (pages >= long && left <= little) database.execute(CHECKPOINT);
    else if (left >= many || pages >= long) moving = move(left);
  }

  /** What was written meanwhile is less each time; not while somebody reads what lies further back. */
  async function move(before: number): Promise<void> {
    other ??= start();
    const moved = await other.ask("checkpoint").then(
      () => true,
      () => false,
    );
    moving = null;
    if (moved && !ended && measure().left < before) look();
  }

  function measure(): { readonly pages: number; readonly left: number } {
    try {
      const [found] = length.all();
      const pages = Number(found?.["log"] ?? 0);
      return { pages, left: pages - Number(found?.["checkpointed"] ?? 0) };
    } catch {
      return { pages: 0, left: 0 }; // whoever reads or writes next is told
    }
  }

  return {
    look,
    async rest() {
      await moving;
    },
    async end() {
      ended = true;
      await moving;
      await other?.ask("close").catch(() => {});
      await other?.end();
    },
  };
}
