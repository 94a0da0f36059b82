import { SHA256 } from "../kernel/names.ts";
import { isObject, type JsonValue } from "../kernel/json.ts";
import { integer, literal, object, oneOf, text, type Decoder } from "./decode.ts";
import type { Refusal } from "./refusal.ts";

/** What lies where a held action would write, as the monitor found it when it was asked. `path` is as the tool sees it. */
export type FoundFile =
  | { readonly kind: "text"; readonly path: string; readonly digest: string; readonly text: string }
  /** Not text: it has NUL in it, or is not UTF-8. */
  | { readonly kind: "binary"; readonly path: string; readonly digest: string; readonly bytes: number }
  /** Longer than is read (`FOUND_MOST`). */
  | { readonly kind: "large"; readonly path: string; readonly bytes: number }
  /** `nothing` is there; a `link`, there or on the way, which is not followed; `no-file` but a folder, a pipe, a device. */
  | { readonly kind: "nothing" | "link" | "no-file" | "unreadable"; readonly path: string }
  /** The tool may write in the workspace, and what it changes there cannot be told from its arguments: nothing was looked at. */
  | { readonly kind: "unknown" };

/** A longer file is not read, bytes. */
export const FOUND_MOST: number = 64 * 1024;

const path = text({ max: 4096 });
const digest = text({ max: 71, pattern: SHA256, is: "a digest" });
const bytes = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
type Of<Kind extends FoundFile["kind"]> = Extract<FoundFile, { readonly kind: Kind }>;
type Unread = Exclude<FoundFile, Of<"text"> | Of<"binary"> | Of<"large"> | Of<"unknown">>;

const unread = object<Unread>({ kind: oneOf(["nothing", "link", "no-file", "unreadable"]), path });
const READ: { readonly [kind: string]: Decoder<FoundFile> } = {
  text: object<Of<"text">>({ kind: literal("text"), path, digest, text: text({ max: FOUND_MOST }) }),
  binary: object<Of<"binary">>({ kind: literal("binary"), path, digest, bytes }),
  large: object<Of<"large">>({ kind: literal("large"), path, bytes }),
  unknown: object<Of<"unknown">>({ kind: literal("unknown") }),
};

/** Reads what was found, or null where the action writes no file that is known of. */
export const FOUND_FILE: Decoder<FoundFile | null> = (value: JsonValue, refusal: Refusal) => {
  if (value === null) return null;
  const kind = isObject(value) ? value["kind"] : null;
  const decoder = typeof kind === "string" && Object.hasOwn(READ, kind) ? READ[kind] : unread;
  return (decoder ?? unread)(value, refusal);
};
