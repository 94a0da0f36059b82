import { parse } from "smol-toml";
import { EditRefused } from "./json-edit.ts";

/** A header or a key with its value. `end` is behind the line's end. */
interface Statement {
  readonly kind: "header" | "pair";
  /** Names from the top for a header, from its table for a pair; those of a dotted key as far as it goes. */
  readonly path: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** Texts that may span lines come first; then those that may not; then a comment; then a mark that opens or closes. */
const PART =
  /"""(?:[^\\]|\\[\s\S])*?"{3,5}|'''[\s\S]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|[[\]{}]|\n|[^"'#[\]{}\n]+/uy;

/** Splits a TOML text into its statements; blank lines and comments that stand alone are in none. */
function statementsOf(text: string): readonly Statement[] {
  const statements: Statement[] = [];
  let at = 0;
  while (at < text.length) {
    const blank = /[ \t\r\n\uFEFF]+|#[^\n]*/uy;
    blank.lastIndex = at;
    const skipped = blank.exec(text);
    if (skipped !== null) {
      at += skipped[0].length;
      continue;
    }
    const end = endOfStatement(text, at);
    const start = text.lastIndexOf("\n", at - 1) + 1;
    const kind = text[at] === "[" ? "header" : "pair";
    statements.push({ kind, path: pathOf(text.slice(at, end), kind), start, end });
    at = end;
  }
  return statements;
}

function endOfStatement(text: string, from: number): number {
  let depth = 0;
  PART.lastIndex = from;
  while (PART.lastIndex < text.length) {
    const [part] = PART.exec(text) ?? [];
    if (part === undefined) throw new EditRefused("it is not TOML");
    if (part === "[" || part === "{") depth += 1;
    else if (part === "]" || part === "}") depth -= 1;
    else if (part === "\n" && depth === 0) return PART.lastIndex;
  }
  return text.length;
}

function pathOf(written: string, kind: Statement["kind"]): readonly string[] {
  const path: string[] = [];
  // A header alone, or a pair without its value: what follows the key is of no interest here.
  let value: unknown = parse(written);
  while (typeof value === "object" && value !== null) {
    if (Array.isArray(value)) value = value[0];
    else {
      const [name] = Object.keys(value);
      if (name === undefined) break;
      path.push(name);
      value = Object.entries(value)[0]?.[1];
      if (kind === "pair") break;
    }
  }
  return path;
}

/**
 * Parts a TOML text in two: what stands under a path from the top, one name or that of a table with a header of its own, and
 * every other character as it is.
 */
export function partToml(text: string, under: readonly string[]): { readonly rest: string; readonly taken: string } {
  let rest = "";
  let taken = "";
  let from = 0;
  let table: readonly string[] = [];
  /** Behind the last statement of a table that goes: what stands between two of its lines goes too. */
  let going: number | null = null;
  const isUnder = (path: readonly string[]): boolean => under.every((name, at) => path[at] === name);
  for (const { kind, path, start, end } of statementsOf(text)) {
    if (kind === "header") table = path;
    const isGone = isUnder(table) || (table.length === 0 && isUnder(path));
    if (isGone) {
      const first = going !== null && kind === "pair" ? going : start;
      rest += text.slice(from, first);
      taken += text.slice(first, end);
      from = end;
    }
    going = isGone ? end : null;
  }
  return { rest: rest + text.slice(from), taken };
}

/** Takes everything under one name at the top out of a TOML text, and leaves every other character as it is. */
export function removeToml(text: string, name: string): string {
  return partToml(text, [name]).rest;
}

/** Adds a table at the end, behind a blank line and in the ends of lines that the text has. Texts and lists of texts are all that it may hold. */
export function appendToml(
  text: string,
  path: readonly string[],
  table: { readonly [name: string]: string | readonly string[] },
): string {
  const line = text.includes("\r\n") ? "\r\n" : "\n";
  const rows = Object.entries(table).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return joinToml(text, `${[`[${path.join(".")}]`, ...rows].join(line)}${line}`);
}

/** Adds tables as they are written at the end, behind a blank line. */
export function joinToml(text: string, tables: string): string {
  const line = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text === "" || text.endsWith(`${line}${line}`) ? "" : text.endsWith("\n") ? line : `${line}${line}`;
  return `${text}${gap}${tables}`;
}
