import type { Action } from "../kernel/action.ts";
import type { HoldReason } from "../kernel/decision.ts";
import type { Label, Risk } from "../kernel/grant.ts";
import type { JsonValue } from "../kernel/json.ts";
import type { AskedBefore } from "../protocol/requests.ts";
import type { FoundFile } from "../protocol/found-file.ts";
import { describeChange } from "./describe-change.ts";
import { describeEffect } from "./describe-effect.ts";
import { join, line, type Line } from "./line.ts";
import { makeVisible } from "./visible.ts";
import { cutRows, measureText, padText, wrapProse } from "./width.ts";
import { readAction } from "./read-action.ts";

/** What stands beside an action when a human decides on it. Only `action` says what will run. */
export interface ActionContext {
  readonly risk: Risk;
  readonly labels: readonly Label[];
  readonly reasons: readonly string[];
  readonly unendorsed: readonly string[];
  readonly provenance: readonly { readonly pointer: string; readonly from: readonly string[] }[];
  /** How often the same was asked before, and alike. */
  readonly before: AskedBefore;
  /** What lies where it would write, where it writes a file. */
  readonly found: FoundFile | null;
  /** The short code of the statement. */
  readonly code: string;
}

export interface RenderOptions {
  readonly context: ActionContext;
  /** Width of the screen in columns. */
  readonly columns: number;
}

/** An action on the screen, or the reason why it cannot be shown in full and so must not be signed. */
export type Rendered =
  { readonly kind: "shown"; readonly lines: readonly Line[] } | { readonly kind: "refused"; readonly why: string };

/** More than a person reads is not shown in full, whatever the screen can hold. */
export const MAXIMUM_LINES = 200;
export const MAXIMUM_BYTES: number = 64 * 1024;

/** On a narrower screen the rows of an action would be broken by the screen itself. */
export const LEAST_COLUMNS = 40;

/** Shorter values are not traced: they occur everywhere, and saying where would mislead. */
const SHORTEST_TRACED = 3;
const MADE_UP = "the agent's own: in nothing that it was shown";

/** Why a human is asked, in words. */
const REASON_WORDS: { readonly [reason in HoldReason]: string } = {
  reserved: "reserved: this kind of action needs your signature every time",
  "recipient-not-endorsed": "it goes to somebody that you did not name",
  "untrusted-and-private": "the agent has read words from outside and private data",
  "owner-asked": "you asked to see every action of this agent at this stage",
};

/**
 * Shows an action for a human to decide on. Pure: the same bytes give the same lines.
 * SHOWN-SIGNED-RUN: everything about what will run is taken from `canonical`, the bytes whose digest is signed.
 */
export function renderAction(canonical: string, options: RenderOptions): Rendered {
  if (canonical.length > MAXIMUM_BYTES) {
    return {
      kind: "refused",
      why: `the action has ${canonical.length} characters; at most ${MAXIMUM_BYTES} can be shown`,
    };
  }
  const action = readAction(canonical);
  if (action === null) return { kind: "refused", why: "the action is not in canonical form" };
  const { context } = options;
  const columns = Math.max(LEAST_COLUMNS, Math.min(options.columns, 120));
  const sources = new Map(context.provenance.map((entry) => [entry.pointer, entry.from]));
  const unendorsed = new Set(context.unendorsed);

  const lines: Line[] = [
    join(["strong", `${action.driver}/${makeVisible(action.name)}`], `  ${VERBS[action.verb]}`),
    field("agent", `${makeVisible(action.agent)} (${action.instance})`),
    field("risk", context.risk),
    field("labels", context.labels.length === 0 ? "none" : makeVisible(context.labels.join(", "))),
    ...context.reasons.flatMap((reason, index) =>
      fieldLines(index === 0 ? "held for" : "", explainReason(reason), columns),
    ),
    ...fieldLines("asked", explainBefore(context.before), columns),
    ...effectLines(action, columns),
    line(""),
    line(Object.keys(action.arguments).length === 0 ? "no arguments" : "arguments, in full:", "strong"),
  ];
  for (const leaf of listLeaves(action.arguments, "")) {
    lines.push(...renderLeaf(leaf, columns));
    const from = sources.get(leaf.pointer);
    const notes = (from ?? []).map((source) => `from ${makeVisible(source)}`);
    if (from?.length === 0 && isTraced(leaf.value)) notes.push(MADE_UP);
    if (typeof leaf.value === "string" && unendorsed.has(leaf.value)) notes.push("you did not name this recipient");
    for (const note of notes) {
      lines.push(
        ...wrapProse(note, columns - 6).map((text, index) => line(`    ${index === 0 ? "← " : "  "}${text}`, "wait")),
      );
    }
    if (lines.length > MAXIMUM_LINES) break;
  }
  const full = lines.length;
  if (context.found !== null) lines.push(...describeChange(action, { found: context.found, columns }));
  const request = cutRows(action.request, columns - FIELD_COLUMNS);
  lines.push(
    line(""),
    field("code", context.code),
    ...request.map((row, index) => field(index === 0 ? "request" : "", row)),
  );
  return full > MAXIMUM_LINES - 3
    ? { kind: "refused", why: `the action takes more than ${MAXIMUM_LINES} lines to show in full` }
    : { kind: "shown", lines };
}

const VERBS = { call: "call a tool", read: "read a resource", prompt: "fetch a prompt" } as const;
const FIELD_COLUMNS = 12;

function field(name: string, value: string): Line {
  return join(["faint", `  ${padText(name, FIELD_COLUMNS - 2)}`], value);
}

function fieldLines(name: string, value: string, columns: number): readonly Line[] {
  return wrapProse(value, columns - FIELD_COLUMNS).map((text, index) => field(index === 0 ? name : "", text));
}

function isTraced(value: JsonValue): boolean {
  return (typeof value === "string" || typeof value === "number") && String(value).length >= SHORTEST_TRACED;
}

function explainReason(reason: string): string {
  const words: { readonly [reason: string]: string } = REASON_WORDS;
  return Object.hasOwn(words, reason) ? (words[reason] ?? reason) : makeVisible(reason);
}

/** What it would do, for what AIOS itself carries out. Cut and not wrapped: every character of it counts. */
function effectLines(action: Action, columns: number): readonly Line[] {
  const effect = describeEffect(action) ?? [];
  const rows = effect.flatMap((text) => cutRows(makeVisible(text), columns - FIELD_COLUMNS));
  return rows.map((row, index) => field(index === 0 ? "would do" : "", row));
}

/** How often the same was asked, and what people said; what is merely alike is said apart. */
function explainBefore({ same, shape }: AskedBefore): string {
  const alike = rest(shape, same);
  return `${same.asked === 0 ? "never before" : times(same)}${alike.asked === 0 ? "" : `; alike ${times(alike)}`}`;
}

function times({ asked, allowed, denied }: AskedBefore["same"]): string {
  return `${asked === 1 ? "once" : `${asked} times`} before, ${allowed} allowed, ${denied} denied`;
}

function rest(all: AskedBefore["shape"], part: AskedBefore["same"]): AskedBefore["shape"] {
  const less = (key: keyof AskedBefore["shape"]): number => Math.max(0, all[key] - part[key]);
  return { asked: less("asked"), allowed: less("allowed"), denied: less("denied") };
}

interface Leaf {
  /** RFC 6901. */
  readonly pointer: string;
  readonly value: JsonValue;
}

/** Every value that holds no other, empty arrays and objects too, in the order of the canonical bytes. */
function listLeaves(value: JsonValue, pointer: string): readonly Leaf[] {
  if (value === null || typeof value !== "object") return [{ pointer, value }];
  const children: (readonly [string, JsonValue])[] = isArray(value)
    ? value.map((child, index) => [String(index), child] as const)
    : Object.entries(value);
  if (children.length === 0) return pointer === "" ? [] : [{ pointer, value }];
  return children.flatMap(([key, child]) => listLeaves(child, `${pointer}/${escapeKey(key)}`));
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function escapeKey(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/**
 * A short string stands between quotes on the line of its pointer; a longer one below it behind a gutter, `│` where a
 * line of the value begins and `┊` where one goes on. Both signs, inside a value, are shown as code points.
 */
function renderLeaf(leaf: Leaf, columns: number): readonly Line[] {
  const pointer = makeVisible(leaf.pointer).replaceAll(" ", "‹U+0020›");
  const heads = cutRows(pointer, columns - 2).map((row) => `  ${row}`);
  if (typeof leaf.value !== "string") {
    const value = JSON.stringify(leaf.value);
    return [
      ...heads.slice(0, -1).map((head) => line(head, "strong")),
      join(["strong", heads.at(-1) ?? ""], `  ${value}`),
    ];
  }
  const rows = splitLines(leaf.value);
  const only = rows.length === 1 ? `  "${rows[0] ?? ""}"` : null;
  if (only !== null && heads.length === 1 && measureText(heads[0] ?? "") + measureText(only) <= columns) {
    return [join(["strong", heads[0] ?? ""], only)];
  }
  return [
    ...heads.map((head) => line(head, "strong")),
    ...rows.flatMap((row) =>
      cutRows(row, columns - 6).map((cut, index) => join(["faint", index === 0 ? "    │ " : "    ┊ "], cut)),
    ),
  ];
}

/** The lines of a string, each newline shown as a code point at the end of the line that it ends. */
function splitLines(text: string): readonly string[] {
  const parts = text.split("\n");
  const rows = parts.map((part, index) => `${makeVisible(part)}${index < parts.length - 1 ? "‹U+000A›" : ""}`);
  return rows.length > 1 && rows.at(-1) === "" ? rows.slice(0, -1) : rows;
}
