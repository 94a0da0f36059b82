import type { LogError } from "./error.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Range } from "../../protocol/merkle.ts";
import type { NoteKey } from "../../protocol/note.ts";
import type { LogRecord, RecordBody } from "../../protocol/record.ts";
import type { LogPace } from "./pace.ts";

/** A record that has been written, with its payload opened (null: none, or its key was destroyed). */
export interface Entry {
  readonly record: LogRecord;
  readonly payload: JsonObject | null;
}

/** A record by itself. */
export interface Bare {
  readonly record: LogRecord;
  /** Whether it has a payload whose key was not destroyed. */
  readonly kept: boolean;
}

/** A record as a stranger can check it. */
export interface Disclosed {
  /** The text that the tree holds. */
  readonly leaf: string;
  /** Salt and text of its payload, whose SHA-256 the record names; null: none, or its key was destroyed. */
  readonly salted: string | null;
}

export interface Around {
  readonly before: readonly Uint8Array[];
  readonly after: readonly Uint8Array[];
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** The signed note, as served at `checkpoint`. */
  readonly note: string;
}

/**
 * The audit log of one home.
 *
 * Durability: `append` resolves only after its record and payload are on stable storage (fdatasync).
 * Order: sequence numbers are given in the order of the calls; promises resolve in that order.
 * Group commit: calls made while a sync is under way share the next one.
 * Failure: a write or sync that fails rejects every waiting append with `LogError` code `log-unavailable`, and appends
 * are refused from then on until `recover()` has shown that writing works again. Nothing is ever acknowledged twice or lost.
 * A disk that takes no more writes is let go of by a `recover()` that fails, so that it can be taken out and mended; a later one goes
 * on with it only when it has come back with every record.
 * Concurrency: one process holds a home (`flock`); a second is refused with code `home-in-use`.
 */
export interface Log {
  /** Number of durable records. */
  readonly size: number;
  /** The name and the public key under which checkpoints are signed. */
  readonly key: NoteKey;
  /** How fast it takes records. A slow disk makes effects wait and loses nothing; what waits is bounded. */
  readonly pace: LogPace;
  append(body: RecordBody, payload: JsonObject | null): Promise<number>;
  /**
   * Entries from `from` up to but excluding `to`, in order. Where numbers are named only those are read and opened, which costs
   * a part of it: opening payloads is what reading the log costs.
   */
  entries(from: number, to: number, only?: ReadonlySet<number>): AsyncIterable<Entry>;
  /**
   * The same records without what is sealed beside them, of which nothing is read; of some only those whose text holds one of each
   * of `having`, which costs a part of it, and perhaps others.
   */
  records(from: number, to: number, having?: readonly (readonly string[])[]): AsyncIterable<Bare>;
  /** The same records as they are shown to others. */
  disclosed(from: number, to: number): AsyncIterable<Disclosed>;
  /** A checkpoint over everything durable now. */
  checkpoint(): Promise<Checkpoint>;
  /** RFC 6962 audit path for record `seq` in the tree of `size`. */
  inclusion(seq: number, size: number): Promise<readonly Uint8Array[]>;
  /**
   * The perfect subtrees before and after a range of records in the tree of `size`, each list left to right: together with the range's
   * own leaves they make the root.
   */
  around(range: Range, size: number): Promise<Around>;
  /** Root of the tree of the first `size` records, believed as far as it leads to the root of today. */
  rootAt(size: number): Promise<Uint8Array>;
  consistency(from: number, to: number): Promise<readonly Uint8Array[]>;
  /** Keeps a note of a checkpoint of this log with cosignatures, durably, as `cosigned`. */
  keepCosigned(note: string): Promise<void>;
  /** The newest note that was kept so, or null. */
  cosigned(): Promise<string | null>;
  /**
   * Destroys the keys of the payloads of these durable records for good: no file of the home, and none of a copy made
   * before, opens them again, as long as no copy has the epoch keys. Records and proofs stay. Appends wait meanwhile.
   */
  erase(seqs: readonly number[]): Promise<void>;
  /**
   * Moves everything that is durable out of the journal, and gives a checkpoint over it: what it covers can be copied from
   * tiles and payload files from then on.
   */
  settle(): Promise<Checkpoint>;
  /**
   * Why the log takes nothing, or null. With something that was found of its disk without a write it takes nothing from now on, as
   * if a write had failed with that.
   */
  doubt(found: Error | null): LogError | null;
  recover(): Promise<void>;
  close(): Promise<void>;
}
