import type { Log } from "../log/log.ts";
import type { RecordIndex, RecordQuery } from "./record-index.ts";

/** Finds records by the index, which is brought up to the log first: nothing is indexed while actions wait. */
export interface IndexView {
  find(query: RecordQuery): Promise<readonly number[]>;
  close(): void;
}

/** The last record that the index knows is compared with the log, so that an index of another log is made anew. */
export function createIndexView(index: RecordIndex, log: Log): IndexView {
  let catching: Promise<void> | null = null;

  async function catchUp(): Promise<void> {
    for await (const { record } of log.entries(Math.max(0, Math.min(index.next, log.size) - 1), log.size))
      index.add(record);
  }

  return {
    async find(query) {
      catching ??= catchUp().finally(() => {
        catching = null;
      });
      await catching;
      return index.find(query);
    },
    close: () => index.close(),
  };
}
