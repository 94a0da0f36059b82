import type { Timer } from "../../platform/powers.ts";
import { createFreezing, type Freezing } from "./freezing.ts";
import { createFrozenTexts, type FrozenTexts } from "./frozen.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { readImport } from "./documents.ts";
import type { MemoryDamage } from "./lost-keys.ts";
import { createLotDesk, type LotDesk } from "./importing.ts";
import { openStore, type MemoryStore, type StoreParts } from "./store.ts";
import type { TrustedClock } from "../trusted-clock.ts";

/** Memory of one home: its entries, its snapshots, and the hand that takes away what is past its end. */
export interface Memory {
  readonly store: MemoryStore;
  readonly frozen: FrozenTexts;
  readonly freezing: Freezing;
  /** Lets others have their turn. */
  readonly pause: () => Promise<void>;
  /** Entries that wait for an owner to sign that they are imported. */
  readonly lots: LotDesk;
  /** Keeps what waits for this document, by the record of its import; resolves when all of it is durable. */
  readonly takeIn: (record: number, document: JsonObject) => Promise<void>;
  /** Whether entries past their end wait for an owner to say which time it is. */
  readonly waits: boolean;
  /** Why entries do not open now whose keys were not destroyed. */
  readonly damage: MemoryStore["lookForDamage"];
  stop(): Promise<void>;
}

const DAMAGE: { readonly [damage in MemoryDamage]: string } = {
  keys: "memory: entries from before do not open: a file of keys/memory is gone or was changed; aios doctor says what to do",
  index: "memory: entries do not open where they are read from, and do from the log: aios doctor says what to do",
};
/** How often it is looked for what is past its end; a look that finds nothing costs nothing. */
const SWEEP_MS = 5000;
/** Opens memory, and sweeps it from time to time. */
export async function openMemory(
  parts: Omit<StoreParts, "mayExpire" | "now"> & {
    readonly timer: Timer;
    readonly trusted: Pick<TrustedClock, "mayDestroy" | "now">;
    report(words: string): void;
  },
): Promise<Memory> {
  const { trusted, timer } = parts;
  const store = await openStore({ ...parts, now: trusted.now, mayExpire: trusted.mayDestroy });
  const found = await store.lookForDamage();
  if (found !== null) parts.report(DAMAGE[found]);
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
    damage: store.lookForDamage,
    async takeIn(record, document) {
      const signed = readImport(document);
      const lot = signed === null ? null : lots.find(signed.digest);
      lots.drop();
      if (lot !== null) await store.bringIn(lot.entries, record);
    },
    frozen: createFrozenTexts({ ...parts, state: parts.journal.state }),
    pause: () => new Promise((resolve) => void timer.after(0, resolve)),
    freezing: createFreezing({ ...parts, store, book: parts.journal.state.memory }),
    get waits() {
      return !trusted.mayDestroy() && parts.journal.state.memory.due(trusted.now(), 1).length > 0;
    },
    async stop() {
      cancel?.();
      await store.close();
    },
  };
}
