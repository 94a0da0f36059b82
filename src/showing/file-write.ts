import type { Action } from "../kernel/action.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";

/** What an action would do to a file, read from its arguments as tools of files name them. */
export interface FileWrite {
  readonly path: string;
  /** One for `content` and one for `edits`, whichever are there: an agent can send both, and a tool takes the one it knows. */
  readonly changes: readonly FileChange[];
  /** Arguments beside these, which tools ignore or not; `alike` of them have a name that can be taken for one of these. */
  readonly others: { readonly all: number; readonly alike: number };
}

export type FileChange =
  | { readonly kind: "content"; readonly content: string }
  | { readonly kind: "edits"; readonly edits: readonly Edit[] }
  /** The argument is there and of another type: what the tool makes of it is not known. */
  | { readonly kind: "unread"; readonly of: "content" | "edits" };

interface Edit {
  readonly oldText: string;
  readonly newText: string;
}

const NAMES: readonly string[] = ["path", "content", "edits"];
const EDIT_NAMES: readonly string[] = ["oldText", "newText"];

/**
 * Reads a write from `{path, content}` or `{path, edits: [{oldText, newText}]}`, which is what the tools `write_file` and
 * `edit_file` of MCP servers take; null where `path` is no string or neither of the others is there. Further arguments make
 * no difference: tools ignore what they do not know, so that an agent could choose by one that nothing is compared. What a
 * tool makes of its arguments is its own affair: what is made of this stands beside the arguments and never in their place.
 */
export function readFileWrite({ verb, arguments: args }: Action): FileWrite | null {
  const { path } = args;
  if (verb !== "call" || typeof path !== "string") return null;
  const content = Object.hasOwn(args, "content") ? args["content"] : undefined;
  const edits = Object.hasOwn(args, "edits") ? args["edits"] : undefined;
  const changes = [
    ...(content === undefined ? [] : [readContent(content)]),
    ...(edits === undefined ? [] : [readEdits(edits)]),
  ];
  return changes.length === 0 ? null : { path, changes, others: countOthers(args) };
}

function readContent(content: JsonValue): FileChange {
  return typeof content === "string" ? { kind: "content", content } : { kind: "unread", of: "content" };
}

function readEdits(edits: JsonValue): FileChange {
  const read = isArray(edits) ? edits.map(readEdit) : [];
  const all = read.filter((edit) => edit !== null);
  return all.length > 0 && all.length === read.length ? { kind: "edits", edits: all } : { kind: "unread", of: "edits" };
}

function readEdit(value: JsonValue): Edit | null {
  if (!isObject(value)) return null;
  const { oldText, newText } = value;
  return typeof oldText === "string" && typeof newText === "string" ? { oldText, newText } : null;
}

function countOthers(args: JsonObject): FileWrite["others"] {
  const { edits } = args;
  const inEdits = edits !== undefined && isArray(edits) ? edits.filter((edit) => isObject(edit)).map(Object.keys) : [];
  const others = [
    // Not a trial run is what edits are without it.
    ...Object.keys(args).filter((name) => !NAMES.includes(name) && !(name === "dryRun" && args[name] === false)),
    ...inEdits.flat().filter((name) => !EDIT_NAMES.includes(name)),
  ];
  return { all: others.length, alike: others.filter(isAlike).length };
}

/** Whether a name can be taken for one that is read: another case, signs around or in it, or letters that are not ASCII. */
function isAlike(name: string): boolean {
  if (/[^ -~]/u.test(name)) return true;
  const letters = name.toLowerCase().replaceAll(/[^a-z]/gu, "");
  return [...NAMES, ...EDIT_NAMES].some((own) => letters.includes(own.toLowerCase()));
}

/**
 * The text that a file has afterwards, or null when that cannot be known: an edit whose old text is not there exactly once
 * is the tool's own to make sense of.
 */
export function textAfter(change: FileChange, before: string): string | null {
  if (change.kind === "unread") return null;
  if (change.kind === "content") return change.content;
  let now = before;
  for (const { oldText, newText } of change.edits) {
    const at = now.indexOf(oldText);
    if (oldText === "" || at < 0 || now.indexOf(oldText, at + 1) >= 0) return null;
    now = now.slice(0, at) + newText + now.slice(at + oldText.length);
  }
  return now;
}
