import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import type { PayloadFields } from "../protocol/telemetry-table.ts";

/** A record, and what the monitor told of its payload; null when nothing was asked of it. */
export interface Seen {
  readonly record: LogRecord;
  readonly fields: PayloadFields | null;
}

/** Records from `from` up to but excluding `to` that a receiver will not see, and why. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** Milliseconds since 1970 UTC at which it was found. */
  readonly at: number;
  readonly why: string;
}

/** One thing that is delivered, and the record that it was made of. */
export interface Item {
  readonly seq: number;
  readonly value: JsonObject;
}

/**
 * What one delivery makes of the log: a fold over its records in their order, so that whoever begins again with a snapshot
 * and the records after it makes the same.
 */
export interface View {
  take(seen: Seen): readonly Item[];
  gap(gap: Gap): readonly Item[];
  /** All that the fold remembers. */
  snapshot(): JsonValue;
}
