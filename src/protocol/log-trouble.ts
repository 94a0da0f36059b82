import { object, oneOf, type Decoder } from "./decode.ts";
import { words } from "./fields.ts";

/** Why the log takes no records. Closed; one sentence for each. */
export const LOG_TROUBLES = {
  "log-full": "the disk of the log is full",
  "log-read-only": "the disk of the log is read-only",
  "log-away": "the disk of the log, or its folder, is not there",
  "log-faulty": "the disk of the log fails",
  "log-shrunk": "the disk came back with fewer records than the log has",
  "log-forked": "the disk came back with other records than the log has",
  "log-damaged": "the disk came back with files of the log that are not what they were",
  "home-in-use": "another process has the log open",
  "log-unavailable": "the log cannot be written",
} as const;
export type LogTroubleCode = keyof typeof LOG_TROUBLES;

/** The state of a log that takes no records: nothing starts meanwhile, and no effect of an agent happens (RECORD-FIRST). */
export interface LogTrouble {
  readonly code: LogTroubleCode;
  /** What was found, in words. */
  readonly message: string;
  /** What a person can do about it. */
  readonly hint: string;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- keys of an object that was written here
const CODES = Object.keys(LOG_TROUBLES) as LogTroubleCode[];

export const LOG_TROUBLE: Decoder<LogTrouble> = object<LogTrouble>({
  code: oneOf(CODES),
  message: words,
  hint: words,
});
