import JSON5 from "json5";

/** Where something stands in a text: from its first character to behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Why a text cannot be edited, in words for its person. */
export class EditRefused extends Error {}

interface Token extends Span {
  readonly kind: "mark" | "text" | "bare";
}

/** Blanks and both sorts of comment; a text in either quote; one of the marks; anything else up to one of these. */
const TOKEN =
  /(?:[\s\uFEFF]|\/\/[^\n\r]*|\/\*[\s\S]*?\*\/)+|("(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|([{}[\]:,])|((?:(?!\/[/*])[^\s\uFEFF{}[\]:,"'])+)/uy;

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw new EditRefused("it is not JSON");
    const kind =
      found[1] !== undefined ? "text" : found[2] !== undefined ? "mark" : found[3] !== undefined ? "bare" : null;
    if (kind !== null) tokens.push({ kind, start, end: TOKEN.lastIndex });
  }
  return tokens;
}

/** A table of a JSON text: its own span and those of its members. */
interface Table extends Span {
  readonly members: readonly { readonly name: string; readonly key: Span; readonly value: Span }[];
}

/** Reads the members of the table that begins at a token, without what is deeper. */
function readTable(text: string, tokens: readonly Token[], first: number): Table {
  const members: Table["members"][number][] = [];
  const start = tokens[first]?.start ?? 0;
  const word = (at: number): string => text.slice(tokens[at]?.start ?? 0, tokens[at]?.end ?? 0);
  let at = first + 1;
  while (at < tokens.length) {
    const key = tokens[at];
    if (key === undefined) break;
    if (word(at) === "}") return { start, end: key.end, members };
    const value = tokens[at + 2];
    if (key.kind === "mark" || word(at + 1) !== ":" || value === undefined) break;
    const last = endOfValue(word, tokens.length, at + 2);
    const end = tokens[last]?.end ?? value.end;
    members.push({ name: nameOf(text.slice(key.start, key.end)), key, value: { start: value.start, end } });
    at = last + 1;
    if (word(at) === ",") at += 1;
  }
  throw new EditRefused("it is not JSON");
}

/** The last token of the value that begins at a token. */
function endOfValue(word: (at: number) => string, count: number, first: number): number {
  let depth = 0;
  for (let at = first; at < count; at++) {
    const mark = word(at);
    if (mark === "{" || mark === "[") depth += 1;
    else if (mark === "}" || mark === "]") depth -= 1;
    if (depth === 0) return at;
  }
  throw new EditRefused("it is not JSON");
}

function nameOf(written: string): string {
  const [name] = Object.keys(JSON5.parse<object>(`{${written}: 0}`));
  if (name === undefined) throw new EditRefused("it is not JSON");
  return name;
}

function tableAt(text: string, tokens: readonly Token[], start: number): Table | null {
  const first = tokens.findIndex((token) => token.start === start);
  return text[start] === "{" ? readTable(text, tokens, first) : null;
}

function find(text: string, path: readonly string[]): { readonly parent: Table; readonly value: Span | null } | null {
  const tokens = tokensOf(text);
  const top = tokens[0];
  let table = top === undefined ? null : tableAt(text, tokens, top.start);
  for (const [at, name] of path.entries()) {
    if (table === null) return null;
    const own = table.members.filter((member) => member.name === name);
    if (own.length > 1) throw new EditRefused(`it names ${path.slice(0, at + 1).join(".")} twice`);
    const value = own[0]?.value ?? null;
    if (at === path.length - 1 || value === null) return at === path.length - 1 ? { parent: table, value } : null;
    table = tableAt(text, tokens, value.start);
  }
  return null;
}

/**
 * Puts a value at a path of names and leaves every other character as it is: it takes the place of the one that is there, or
 * comes first in the table that would hold it, which must be there. Throws `EditRefused`. The outcome must be read again by
 * whoever asked, since the text may be in a form that its program reads otherwise.
 */
export function putJson(text: string, path: readonly string[], value: unknown): string {
  const step = stepOf(text);
  return putWritten(text, path, JSON.stringify(value, null, step).split("\n"));
}

/** The same with the value as another text has it at that path, comments too. */
export function copyJson(text: string, path: readonly string[], from: string): string {
  const there = find(from, path)?.value ?? null;
  if (there === null) throw new EditRefused(`it has no table for ${path.join(".")}`);
  return putWritten(text, path, [from.slice(there.start, there.end)]);
}

function stepOf(text: string): string {
  return /(?:^|[\r\n])([ \t]+)\S/u.exec(text)?.[1] ?? "  ";
}

function putWritten(text: string, path: readonly string[], lines: readonly string[]): string {
  const found = find(text, path);
  if (found === null) throw new EditRefused(`it has no table for ${path.join(".")}`);
  const { parent, value: old } = found;
  const line = /\r\n/u.test(text) ? "\r\n" : "\n";
  const written = (indent: string): string => lines.join(`${line}${indent}`);
  if (old !== null) {
    const own = indentAt(text, old.start);
    return `${text.slice(0, old.start)}${written(own)}${text.slice(old.end)}`;
  }
  const indent = indentAt(text, parent.start) + stepOf(text);
  const name = JSON.stringify(path.at(-1) ?? "");
  const after = parent.members.length === 0 ? `${line}${indentAt(text, parent.start)}` : ",";
  const from = parent.start + 1;
  const rest = text.slice(from);
  // In an empty table the brace that ends it moves to a line of its own.
  const tail = parent.members.length === 0 ? rest.replace(/^[ \t\r\n]*(?=\})/u, "") : rest;
  return `${text.slice(0, from)}${line}${indent}${name}: ${written(indent)}${after}${tail}`;
}

/** The blanks at the beginning of the line on which something stands. */
function indentAt(text: string, at: number): string {
  const line = Math.max(text.lastIndexOf("\n", at - 1), text.lastIndexOf("\r", at - 1)) + 1;
  return /^[ \t]*/u.exec(text.slice(line))?.[0] ?? "";
}
