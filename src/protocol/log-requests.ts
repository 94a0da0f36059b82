import type { JsonValue } from "../kernel/json.ts";
import type { LogRecord } from "./record.ts";
import type { RetentionDays } from "./retention.ts";

type Empty = Record<string, never>;

/** Requests of the command line and the console about the log. */
export interface LogRequests {
  "log-show": {
    body: {
      readonly from: number;
      readonly limit: number;
      readonly instance: string | null;
      readonly kinds: readonly string[];
    };
    ok: {
      readonly entries: readonly { readonly record: LogRecord; readonly payload: JsonValue }[];
      readonly size: number;
    };
  };
  /**
   * The newest records from `from` up to but excluding `before` (null: the end), newest first. A payload over 64 KiB is left
   * out, and so are all when they are not asked for. The answer may stop earlier, at the size of a frame; `more` says whether
   * there are older ones, and one asks on with `before` of the last.
   */
  "log-newest": {
    body: {
      readonly from: number;
      readonly before: number | null;
      readonly limit: number;
      readonly instance: string | null;
      readonly kinds: readonly string[];
      /** Digest of an action: all records of it. */
      readonly action: string | null;
      readonly payloads: boolean;
    };
    ok: LogRequests["log-show"]["ok"] & { readonly more: boolean };
  };
  /**
   * Records from `from` up to but excluding `to` as others can check them, and the hashes around them in the tree of `size`. The
   * answer may stop earlier, at the size of a frame; then one asks on from `to` of the answer.
   */
  "log-disclose": {
    body: { readonly from: number; readonly to: number; readonly size: number };
    ok: {
      readonly entries: readonly { readonly leaf: string; readonly salted: string | null }[];
      readonly to: number;
      /** Base64, of the range from `from` to the answer's `to`. */
      readonly before: readonly string[];
      readonly after: readonly string[];
    };
  };
  "log-prove": { body: { readonly seq: number }; ok: { readonly proof: LogProof } };
  /** `path`: base64 hashes that show that the log of `to` records has grown from the one of `from` (RFC 6962). */
  "log-grown": { body: { readonly from: number; readonly to: number }; ok: { readonly path: readonly string[] } };
  /** Begins a backup: everything that the checkpoint covers can be copied from the log's files from then on. */
  "backup-begin": { body: Empty; ok: { readonly size: number; readonly note: string } };
  /** Records that a backup was made, and gives the number of the record. */
  "backup-made": {
    body: { readonly size: number; readonly manifest: string; readonly keys: boolean };
    ok: { readonly seq: number };
  };
  /** For how long payloads are kept, and what went by that. */
  retention: { body: Empty; ok: RetentionView };
  /** `key`: the log's own, as notes write it. */
  checkpoint: { body: Empty; ok: { readonly note: string; readonly key: string } };
}

/** The rules of owners by which payloads are erased. */
export interface RetentionView {
  readonly days: RetentionDays;
  /** Number of the record that set them; null: none did. */
  readonly record: number | null;
  /** By kind: payloads of its records before this number are gone. */
  readonly next: { readonly [kind: string]: number };
  /** Nothing goes until an owner says which time it is. */
  readonly waits: boolean;
}

/** A file that proves one record offline; docs/formats/log.md. */
export interface LogProof {
  readonly v: 1;
  readonly seq: number;
  /** The leaf: RFC 8785 text of the record. */
  readonly record: string;
  /** Base64 hashes of the RFC 6962 audit path. */
  readonly path: readonly string[];
  /** Signed note. */
  readonly checkpoint: string;
}
