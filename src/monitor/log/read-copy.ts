import type { LogFiles } from "../../platform/log/log-powers.ts";
import type { Crypto } from "../../platform/powers.ts";
import { TILE_WIDTH } from "../../protocol/tile.ts";
import type { LogRecord } from "../../protocol/record.ts";
import { readLeaf, readSalted } from "./draft.ts";
import { LogError } from "./error.ts";
import { openPayloads } from "./payloads.ts";
import type { KeySlots } from "./slots.ts";
import { readLeaves } from "./verify-chunk.ts";

/**
 * The records of a copy of a log that was verified, in order; with `slots` every payload is opened too, and must be what its
 * record commits to unless its key was destroyed. The copy has no journal. Throws LogError `log-damaged`.
 */
export async function* readCopy(options: {
  readonly files: LogFiles;
  readonly crypto: Crypto;
  readonly origin: string;
  readonly size: number;
  readonly slots: Pick<KeySlots, "read"> | null;
}): AsyncIterable<LogRecord> {
  const { files, crypto, origin, size, slots } = options;
  const payloads = await openPayloads(files, size);
  for (let from = 0; from < size; from += TILE_WIDTH) {
    const to = Math.min(size, from + TILE_WIDTH);
    const leaves = await readLeaves(files, from / TILE_WIDTH, to - from);
    if (leaves?.length !== to - from) throw new LogError("log-damaged", `Cannot read the records from ${from} on`);
    const sealed = slots === null ? [] : await payloads.read(from, to);
    for (const [place, leaf] of leaves.entries()) {
      const record = readLeaf(leaf, from + place);
      if (slots !== null && record.payload !== null)
        readSalted(record, { sealed: sealed[place] ?? null, key: await slots.read(record.seq), crypto, origin });
      yield record;
    }
  }
}
