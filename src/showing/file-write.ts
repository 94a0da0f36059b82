import type { Action } from "../kernel/action.ts";
import { isArray, isObject, type JsonValue } from "../kernel/json.ts";

/** What an action would do to a file, read from its arguments as tools of files name them. */
export interface FileWrite {
  readonly path: string;
  readonly change:
    { readonly kind: "whole"; readonly content: string } | { readonly kind: "edits"; readonly edits: readonly Edit[] };
}

interface Edit {
  readonly oldText: string;
  readonly newText: string;
}

/**
 * Reads a write from `{path, content}` or `{path, edits: [{oldText, newText}]}`, which is what the tools `write_file` and
 * `edit_file` of MCP servers take; null for everything else. What a tool makes of its arguments is its own affair: what is
 * made of this stands beside the arguments and never in their place.
 */
export function readFileWrite({ verb, arguments: args }: Action): FileWrite | null {
  const { path, content, edits } = args;
  if (verb !== "call" || typeof path !== "string") return null;
  const names = Object.keys(args).toSorted().join(" ");
  if (names === "content path" && typeof content === "string") return { path, change: { kind: "whole", content } };
  const plain = names === "edits path" || (names === "dryRun edits path" && args["dryRun"] === false);
  const read = plain && edits !== undefined && isArray(edits) ? edits.map(readEdit) : [];
  const all = read.filter((edit) => edit !== null);
  return all.length > 0 && all.length === read.length ? { path, change: { kind: "edits", edits: all } } : null;
}

function readEdit(value: JsonValue): Edit | null {
  if (!isObject(value) || Object.keys(value).length !== 2) return null;
  const { oldText, newText } = value;
  return typeof oldText === "string" && oldText !== "" && typeof newText === "string" ? { oldText, newText } : null;
}

/**
 * The text that a file has afterwards, or null when that cannot be known: an edit whose old text is not there exactly once
 * is the tool's own to make sense of.
 */
export function textAfter({ change }: FileWrite, before: string): string | null {
  if (change.kind === "whole") return change.content;
  let now = before;
  for (const { oldText, newText } of change.edits) {
    const at = now.indexOf(oldText);
    if (at < 0 || now.indexOf(oldText, at + 1) >= 0) return null;
    now = now.slice(0, at) + newText + now.slice(at + oldText.length);
  }
  return now;
}
