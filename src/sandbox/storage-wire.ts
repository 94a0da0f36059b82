import type { JsonValue } from "../kernel/json.ts";
import { boolean, decode, integer, literal, nullable, object, oneOf, text, union } from "../protocol/decode.ts";
import type { DecodeResult, Decoder } from "../protocol/decode.ts";

/*
 * What a supervisor asks of a storage device, and what it answers: one line of JSON each, one question at a time. Paths are
 * bytes, each a character of U+0000 to U+00FF; they are absolute as the sandbox sees them that asks, an agent's or a server's,
 * and words of what runs there.
 */

/** What a call is about: a path, or the descriptor that comes with the order. */
export type StorageTarget =
  { readonly at: "path"; readonly path: string; readonly follow: boolean } | { readonly at: "descriptor" };

/** What the monitor says with the socket of one more sandbox that the device acts for: whose it is. */
export interface StorageJoin {
  /** Control files that a grant opens, it opens for the agent itself. */
  readonly actor: "agent" | "server";
}

export type StorageOrder =
  /** With the descriptor of the sandbox's root; the first order. */
  | { readonly order: "root" }
  /** `flags` as open(2) has them; `mode` is what is left of it after the caller's umask. */
  | { readonly order: "open"; readonly target: StorageTarget; readonly flags: number; readonly mode: number }
  | { readonly order: "make-folder"; readonly path: string; readonly mode: number }
  | { readonly order: "remove"; readonly path: string; readonly folder: boolean }
  /** `flags` as renameat2(2) has them. */
  | { readonly order: "rename"; readonly from: string; readonly to: string; readonly flags: number }
  | { readonly order: "link"; readonly from: StorageTarget; readonly to: string }
  | { readonly order: "symlink"; readonly text: string; readonly path: string }
  | { readonly order: "truncate"; readonly target: StorageTarget; readonly length: string }
  | { readonly order: "mode"; readonly target: StorageTarget; readonly mode: number };

/** What was done to a file, in the words of records. */
export const FILE_OPERATIONS = ["made", "changed", "removed", "moved", "linked", "mode"] as const;
export type FileOperation = (typeof FILE_OPERATIONS)[number];

/** A file as records name it: the guarded root and what follows. */
export interface FileNote {
  readonly operation: FileOperation;
  readonly path: string;
}

export type StorageAnswer =
  /** None of its business: the kernel may do it, and the wall decides. */
  | { readonly answer: "pass" }
  /** With a descriptor when it was an open. `note` is null when nothing was changed. */
  | { readonly answer: "done"; readonly note: FileNote | null }
  /** Nothing was changed and the caller is not told so, since honest programs would break off; why is recorded. */
  | { readonly answer: "kept"; readonly refused: FileNote & { readonly why: string } }
  /** `refused` when it was a control name, or could not be kept: why. */
  | {
      readonly answer: "failed";
      readonly errno: number;
      readonly refused: (FileNote & { readonly why: string }) | null;
    };

/** Longest path of a note, in characters. */
export const NOTE_PATH_MOST = 512;
/** Bytes that are read at once. Nearly every line is shorter; the longest, of paths full of odd bytes, takes some more. */
export const STORAGE_READ_BYTES = 1024;
/** Longest line: two paths whose every byte is escaped. */
export const STORAGE_LINE_MOST: number = 2 * 6 * 8192 + 1024;

const path = text({ max: 8192 });
const number = integer({ min: 0, max: 0xffff_ffff });
const target: Decoder<StorageTarget> = union<StorageTarget, "at">("at", {
  path: object<Extract<StorageTarget, { at: "path" }>>({ at: literal("path"), path, follow: boolean() }),
  descriptor: object<Extract<StorageTarget, { at: "descriptor" }>>({ at: literal("descriptor") }),
});

type OrderOf<Name extends StorageOrder["order"]> = Extract<StorageOrder, { order: Name }>;

const ORDER: Decoder<StorageOrder> = union<StorageOrder, "order">("order", {
  root: object<OrderOf<"root">>({ order: literal("root") }),
  open: object<OrderOf<"open">>({ order: literal("open"), target, flags: number, mode: number }),
  "make-folder": object<OrderOf<"make-folder">>({ order: literal("make-folder"), path, mode: number }),
  remove: object<OrderOf<"remove">>({ order: literal("remove"), path, folder: boolean() }),
  rename: object<OrderOf<"rename">>({ order: literal("rename"), from: path, to: path, flags: number }),
  link: object<OrderOf<"link">>({ order: literal("link"), from: target, to: path }),
  symlink: object<OrderOf<"symlink">>({ order: literal("symlink"), text: path, path }),
  truncate: object<OrderOf<"truncate">>({
    order: literal("truncate"),
    target,
    length: text({ max: 20, pattern: /^-?[0-9]+$/ }),
  }),
  mode: object<OrderOf<"mode">>({ order: literal("mode"), target, mode: number }),
});

const notePath = text({ max: NOTE_PATH_MOST });
const operation = oneOf(FILE_OPERATIONS);
const note = { operation, path: notePath };
const refused = object<FileNote & { readonly why: string }>({ ...note, why: text({ max: 128 }) });

type AnswerOf<Name extends StorageAnswer["answer"]> = Extract<StorageAnswer, { answer: Name }>;

const ANSWER: Decoder<StorageAnswer> = union<StorageAnswer, "answer">("answer", {
  pass: object<AnswerOf<"pass">>({ answer: literal("pass") }),
  done: object<AnswerOf<"done">>({ answer: literal("done"), note: nullable(object<FileNote>(note)) }),
  kept: object<AnswerOf<"kept">>({ answer: literal("kept"), refused }),
  failed: object<AnswerOf<"failed">>({
    answer: literal("failed"),
    errno: integer({ min: 1, max: 4095 }),
    refused: nullable(refused),
  }),
});

const JOIN: Decoder<StorageJoin> = object<StorageJoin>({ actor: oneOf(["agent", "server"]) });

/** Decodes what the monitor says with a socket. */
export function decodeStorageJoin(value: JsonValue): DecodeResult<StorageJoin> {
  return decode(JOIN, value);
}

/** Decodes an order; what a supervisor says rests on hostile memory. */
export function decodeStorageOrder(value: JsonValue): DecodeResult<StorageOrder> {
  return decode(ORDER, value);
}

/** Decodes an answer. */
export function decodeStorageAnswer(value: JsonValue): DecodeResult<StorageAnswer> {
  return decode(ANSWER, value);
}
