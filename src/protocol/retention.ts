import type { JsonValue } from "../kernel/json.ts";
import { decode, integer, object, record as mapping, type DecodeResult, type Decoder } from "./decode.ts";
import type { RecordKind } from "./record.ts";

/**
 * Kinds of records whose payloads can go: what agents asked for, got, wrote and started, and who came by. Of the others the
 * monitor's state is made, authority above all, and a start could not check the log again without them.
 */
export type ErasableKind = Extract<
  RecordKind,
  | "intent"
  | "outcome"
  | "held"
  | "denied"
  | "terminal"
  | "programs-started"
  | "calls-refused"
  | "probe-observed"
  | "files-written"
  | "files-refused"
  | "files-undone"
  | "port-visited"
  | "console-visited"
>;

export const ERASABLE: readonly ErasableKind[] = [
  "intent",
  "outcome",
  "held",
  "denied",
  "terminal",
  "programs-started",
  "calls-refused",
  "probe-observed",
  "files-written",
  "files-refused",
  "files-undone",
  "port-visited",
  "console-visited",
];

/** For how many days payloads are kept, by the kind of their record; for ever where nothing is said. */
export interface RetentionSetting {
  readonly days: RetentionDays;
}
export type RetentionDays = { readonly [kind: string]: number };

/** A home in which nothing was set. */
export const KEEP_ALL: RetentionSetting = Object.freeze({ days: Object.freeze({}) });

export const DAY_MS: number = 24 * 3_600_000;
const MOST_DAYS = 36_500;

/** Days by kinds, in a record and in what an owner signs. Whether a kind can go is `isErasable`'s to say. */
export const RETENTION_DAYS: Decoder<RetentionDays> = mapping(integer({ min: 1, max: MOST_DAYS }), {
  key: /^[a-z-]{1,32}$/,
  max: ERASABLE.length,
});
/** Numbers of records by kinds. */
export const RETENTION_PLACES: Decoder<{ readonly [kind: string]: number }> = mapping(
  integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  { key: /^[a-z-]{1,32}$/, max: ERASABLE.length },
);
const SETTING: Decoder<RetentionSetting> = object<RetentionSetting>({ days: RETENTION_DAYS });

/** Whether payloads of records of a kind can be erased. */
export function isErasable(kind: string): kind is ErasableKind {
  return ERASABLE.some((each) => each === kind);
}

/** Reads a setting; its kinds may be any. */
export function decodeRetention(value: JsonValue): DecodeResult<RetentionSetting> {
  return decode(SETTING, value);
}
