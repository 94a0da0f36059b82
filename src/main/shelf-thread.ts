import { readHere } from "../monitor/memory/read-here.ts";
import type { AskShelf } from "../monitor/memory/shelf-orders.ts";
import type { Examiner } from "../monitor/memory/shelf-examiner.ts";
import { createRowReader } from "../monitor/memory/shelf-rows.ts";
import { startResident } from "../platform/resident.ts";
import { openDatabaseToRead } from "../platform/files/sqlite.ts";

/** The shelf of memory in a thread, which has the database and no key of an entry. */
export interface ShelfThread {
  readonly shelf: AskShelf;
  /** Starts another thread, which reads the file by itself. */
  readonly examine: () => Examiner;
  /** Ends the thread, whatever it does. */
  end(): Promise<void>;
}

/** Starts it. @param path of the database. */
export function startShelf(path: string, environment: { readonly [name: string]: string }): ShelfThread {
  const program = new URL("./memory-worker.ts", import.meta.url);
  const resident = startResident(program, { input: { path }, heap: 256, environment });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the thread runs `Shelf`, whose answers these are
  const ask = (async (name, body) => resident.ask({ name, body })) as AskShelf;
  return {
    shelf: readHere(ask, () => createRowReader(openDatabaseToRead(path))),
    examine() {
      const other = startResident(new URL("./memory-examiner.ts", import.meta.url), {
        input: { path },
        heap: 256,
        environment,
      });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the thread runs `FileExaminer`, whose answers these are
      return { ask: (async (name, body) => other.ask({ name, body })) as Examiner["ask"], end: () => other.end() };
    },
    end: () => resident.end(),
  };
}
