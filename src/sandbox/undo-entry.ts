/*
 * What a storage device notes of a run, so that it can be undone: one line of JSON each, in the order in which it happened.
 * Paths are absolute as the sandbox sees them, bytes as characters U+0000 to U+00FF.
 */

/** Entries of each list of a report. */
export { UNDO_LISTED } from "../protocol/undo-report.ts";

/** What a file was like besides its content. */
export interface UndoMeta {
  /** Permission bits. */
  readonly mode: number;
  readonly size: number;
  /** Nanoseconds since 1970 UTC, in decimal. */
  readonly mtimeNs: string;
}

export type UndoEntry =
  | { readonly did: "made"; readonly path: string }
  /** Its content before the first change lies in a blob. */
  | { readonly did: "changed"; readonly path: string; readonly blob: number; readonly meta: UndoMeta }
  | { readonly did: "removed"; readonly path: string; readonly blob: number; readonly meta: UndoMeta }
  | { readonly did: "removed-folder"; readonly path: string; readonly meta: UndoMeta }
  | { readonly did: "removed-link"; readonly path: string; readonly text: string; readonly meta: UndoMeta }
  | { readonly did: "moved" | "exchanged"; readonly from: string; readonly to: string }
  | { readonly did: "mode"; readonly path: string; readonly mode: number }
  /** The entry before did not come to be. */
  | { readonly did: "not" };

/** What is known of a path at the end of a run, to tell whether somebody changed it since. */
export interface UndoSeen {
  readonly inode: string;
  readonly size: number;
  readonly mtimeNs: string;
}
