import type { Timer } from "../../platform/powers.ts";
import { createFrozenTexts, type FrozenTexts } from "./frozen.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { readImport } from "./documents.ts";
import { createLotDesk, type LotDesk } from "./importing.ts";
import { openStore, type MemoryStore, type StoreParts } from "./store.ts";
import type { TrustedClock } from "../trusted-clock.ts";

/** Memory of one home: its entries, its snapshots, and the hand that takes away what is past its end. */
export interface Memory {
  readonly store: MemoryStore;
  readonly frozen: FrozenTexts;
  /** Entries that wait for an owner to sign that they are imported. */
  readonly lots: LotDesk;
  /** Keeps what waits for this document, by the record of its import; resolves when all of it is durable. */
  readonly takeIn: (record: number, document: JsonObject) => Promise<void>;
  /** An owner said which time it is: what is past its end by that may be destroyed. */
  believe(): void;
  /** Whether entries past their end wait for an owner to say which time it is. */
  readonly waits: boolean;
  stop(): Promise<void>;
}

/** How often it is looked for what is past its end; a look that finds nothing costs nothing. */
const SWEEP_MS = 5000;
/**
 * The log's newest record is older than this at a start: the machine was off for long, or its clock was set ahead. Entries
 * past their end by it cannot be read, but their keys stay until an owner says that the time is right (DESIGN 7).
 */
const LONGEST_GAP_MS = 24 * 3_600_000;

/**
 * Opens memory, and sweeps it from time to time.
 * `since`: time of the newest record before this start, milliseconds since 1970 UTC; 0 when there is none.
 */
export async function openMemory(
  parts: Omit<StoreParts, "mayExpire" | "now"> & {
    readonly timer: Timer;
    readonly trusted: Pick<TrustedClock, "state" | "now">;
    readonly since: number;
    report(words: string): void;
  },
): Promise<Memory> {
  const { trusted, timer } = parts;
  let believed = parts.since === 0 || trusted.now() - parts.since <= LONGEST_GAP_MS;
  const mayExpire = (): boolean => believed && trusted.state() === "steady";
  const store = await openStore({ ...parts, now: trusted.now, mayExpire });
  let cancel: (() => void) | null = null;
  const later = (): void => {
    cancel = timer.after(SWEEP_MS, () => {
      store
        .sweep()
        .catch((error: unknown) => parts.report(`memory: ${error instanceof Error ? error.message : String(error)}`))
        .finally(later);
    });
  };
  later();
  const lots = createLotDesk({ ...parts, book: parts.journal.state.memory, now: trusted.now });
  return {
    store,
    lots,
    async takeIn(record, document) {
      const signed = readImport(document);
      const lot = signed === null ? null : lots.find(signed.digest);
      lots.drop();
      if (lot !== null) await store.bringIn(lot.entries, record);
    },
    frozen: createFrozenTexts({ ...parts, state: parts.journal.state }),
    believe() {
      believed = true;
    },
    get waits() {
      return !mayExpire() && parts.journal.state.memory.due(trusted.now(), 1).length > 0;
    },
    async stop() {
      cancel?.();
      await store.close();
    },
  };
}
