import type { LogFiles } from "../../platform/log/log-powers.ts";
import type { Clock, Crypto, Random, Signer, Timer } from "../../platform/powers.ts";
import type { TreeHasher } from "../../protocol/merkle.ts";
import type { Bundles } from "./bundles.ts";
import type { LogError } from "./error.ts";
import type { JournalEntry } from "./frame.ts";
import type { Checkpoint } from "./log.ts";
import type { Journal } from "./journal.ts";
import type { LogKeys } from "./keys.ts";
import type { Payloads } from "./payloads.ts";
import type { KeySlots } from "./slots.ts";
import type { Tiles } from "./tiles.ts";

/** The parts of an open log. */
export interface AuditLogParts {
  readonly files: LogFiles;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly signer: Signer;
  readonly hasher: TreeHasher;
  readonly origin: string;
  readonly start: string;
  readonly tiles: Tiles;
  readonly bundles: Bundles;
  readonly payloads: Payloads;
  readonly slots: KeySlots;
  readonly keys: LogKeys;
  readonly journal: Journal;
  /** Sealed payloads of the records that are in the journal, and the number of the first. */
  readonly held: { readonly first: number; readonly sealed: (Uint8Array | null)[] };
}

/** An append that was not acknowledged yet. */
export interface Waiting {
  readonly entry: JournalEntry;
  readonly acknowledge: (seq: number) => void;
  readonly refuse: (error: LogError) => void;
}

/** What is done between two groups: keys of these records are destroyed, or (null) the journal is emptied. */
export interface Erasure {
  readonly seqs: readonly number[] | null;
  /** Of the checkpoint over what was there then. */
  readonly done: (at: Checkpoint) => void;
  readonly refuse: (error: LogError) => void;
}

/** Whether it takes records. */
export type Health =
  { readonly kind: "working" } | { readonly kind: "failed"; readonly error: LogError } | { readonly kind: "closed" };
