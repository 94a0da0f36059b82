import type { JsonValue } from "../kernel/json.ts";
import { boolean, decode, integer, list, nullable, object, oneOf, text } from "./decode.ts";
import type { DecodeResult, Decoder } from "./decode.ts";

/** One thing that is, or would be, put back. Paths are text, absolute as the sandbox saw them. */
export interface UndoChange {
  readonly what: "removed" | "restored" | "moved-back" | "mode";
  readonly path: string;
}

/** What undoing a run did, or would do. Lists hold the first of each; the counts count all. */
export interface UndoReport {
  readonly changes: readonly UndoChange[];
  readonly changed: number;
  /** What was left as it is, and why. */
  readonly left: readonly { readonly path: string; readonly why: string }[];
  readonly leftCount: number;
  /** Whether it was noted how the run left everything, so that changes since then are known. */
  readonly noted: boolean;
}

/** Control files that a run left in commits or in the index: no files of the folder until somebody checks them out. */
export interface Brought {
  readonly files: readonly { readonly path: string; readonly why: string }[];
  readonly count: number;
  /** Whether all that the run left there was looked at; otherwise there may be others. */
  readonly whole: boolean;
}

/** What the command line is answered. */
export interface UndoAnswer extends UndoReport {
  /** Of a dry look; null of an undoing. */
  readonly brought: Brought | null;
}

/** Entries of each list. */
export const UNDO_LISTED = 1000;

const count = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const path = text({ max: 8192 });

const FIELDS = {
  changes: list(object<UndoChange>({ what: oneOf(["removed", "restored", "moved-back", "mode"]), path }), {
    max: UNDO_LISTED,
  }),
  changed: count,
  left: list(object<UndoReport["left"][number]>({ path, why: text({ max: 256 }) }), { max: UNDO_LISTED }),
  leftCount: count,
  noted: boolean(),
} satisfies { readonly [name in keyof UndoReport]: Decoder<UndoReport[name]> };

const UNDO_REPORT: Decoder<UndoReport> = object<UndoReport>(FIELDS);

export const UNDO_ANSWER: Decoder<UndoAnswer> = object<UndoAnswer>({
  ...FIELDS,
  brought: nullable(
    object<Brought>({
      files: list(object<Brought["files"][number]>({ path, why: text({ max: 256 }) }), { max: UNDO_LISTED }),
      count,
      whole: boolean(),
    }),
  ),
});

/** Decodes what a storage device said of an undoing. */
export function decodeUndoReport(value: JsonValue): DecodeResult<UndoReport> {
  return decode(UNDO_REPORT, value);
}
