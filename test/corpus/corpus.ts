import { readFileSync } from "node:fs";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { HeldDetail } from "../../src/protocol/held-view.ts";
import { heldOver, heldSaying } from "../cli/cast.ts";

/*
 * The rendering corpus (rendering.json): what agents, servers and files could write to make a person take it for something else.
 * Every entry says where it stands on a screen and what must be visible there, or for which reason nothing is shown.
 */

/** Where a text of the corpus stands. */
export type Place =
  "argument" | "name" | "tool" | "host" | "target" | "agent" | "label" | "file" | "list" | "error" | "bytes";

export interface Entry {
  readonly name: string;
  readonly stands: Place;
  readonly text: string;
  /** What a person must read there, with code points as AIOS writes them; absent where it must be refused. */
  readonly visible?: string;
  /** Pattern of the reason for which it is refused. */
  readonly refused?: string;
}

/** All entries of the data file. `times` there: text and what is visible of it are repeated so often. */
export function readCorpus(): readonly Entry[] {
  // Written by hand beside this file; a field that is missing fails the tests that read it.
  const entries = JSON.parse(readFileSync(new URL("rendering.json", import.meta.url), "utf8")) as readonly (Entry & {
    readonly times?: number;
  })[];
  return entries.map(({ times = 1, text, visible, ...rest }) => ({
    ...rest,
    text: text.repeat(times),
    ...(visible === undefined ? {} : { visible: visible.repeat(times) }),
  }));
}

/** A harmless text that stands where others do. */
export const HARMLESS: { readonly [stands in Place]: string } = {
  argument: "plain",
  name: "plain",
  tool: "plain",
  host: "good.example",
  target: "/plain",
  agent: "notes",
  label: "private",
  file: "plain",
  list: "mail/plain",
  error: "plain",
  bytes: '{"to":"plain"}',
};

/** The nonce of the entry at this place of the list: it is also what the screens name it by. */
export function requestAt(index: number): string {
  return index.toString(16).padStart(8, "0") + "5".repeat(24);
}

/** What the monitor would tell of a held action that has this text. */
export function heldWith({ stands, text }: Pick<Entry, "stands" | "text">, request: string): HeldDetail {
  switch (stands) {
    case "argument":
      return heldOver({ text, to: "bob@good.example" }, request);
    case "name":
      return heldOver({ [text]: "value" }, request);
    case "tool":
      return heldSaying(request, { name: text });
    case "agent":
      return heldSaying(request, { agent: text });
    case "host":
      return heldSaying(request, fetching({ host: text }));
    case "target":
      return heldSaying(request, fetching({ path: text.split("?")[0] ?? "", target: text }));
    case "label":
      // What the monitor says, too, is made visible: a label comes from a document that people wrote.
      return { ...heldOver({}, request), labels: [text as HeldDetail["labels"][number]] };
    case "file":
      return writing(text, request);
    case "list":
      return { ...heldOver({ text }, request), what: text, same: `sha256:${request.repeat(2)}` };
    case "error":
      return heldOver({}, request);
    case "bytes":
      return heldSaying(request, {}, text);
    default:
      return stands satisfies never;
  }
}

/** A write over a file that has this text. */
function writing(text: string, request: string): HeldDetail {
  const path = "/workspace/a.txt";
  const { digest } = createCrypto();
  const detail = heldSaying(request, { driver: "files", name: "write_file", arguments: { path, content: "new" } });
  const found = { kind: "text", path, digest: digest(text), text } as const;
  return { ...detail, found, statement: { ...detail.statement, beside: digest(canonicalize(found)) } };
}

function fetching(change: JsonObject): JsonObject {
  const asked = {
    scheme: "https",
    host: "good.example",
    port: 443,
    method: "GET",
    path: "/",
    target: "/",
    headers: [],
  };
  return { driver: "net", name: "fetch", arguments: { ...asked, ...change } };
}

/** The arguments that an action of the network is made of, for its decoder. */
export function argumentsOf(detail: HeldDetail): JsonObject {
  return (JSON.parse(detail.action) as { arguments: JsonObject }).arguments;
}

/** What a person reads in the rows of a screen where the text stands, or null when nothing stands there. */
export function readPlace(stands: Place, rows: readonly string[]): string | null {
  switch (stands) {
    case "argument":
      return readArgument(rows);
    case "name": {
      const from = rows.indexOf("arguments, in full:") + 1;
      const heads = rows.slice(from, rows.indexOf("", from)).map((row) => row.slice(2));
      // A long one has the value below it.
      if (heads.length > 1 && heads.at(-1) === "  │ value") return heads.slice(0, -1).join("").slice(1);
      return /^\/(.*) {2}"value"$/u.exec(heads.join(""))?.[1] ?? null;
    }
    case "tool":
      return /^mail\/(.*) {2}call a tool$/u.exec(rows[0] ?? "")?.[1] ?? null;
    case "host":
      return /^GET https:\/\/(.*)\/without a body$/u.exec(readField("would do", rows) ?? "")?.[1] ?? null;
    case "target":
      return /^GET https:\/\/good\.example(.*)without a body$/u.exec(readField("would do", rows) ?? "")?.[1] ?? null;
    case "label":
      return readField("labels", rows);
    case "file": {
      const from = rows.findIndex((row) => row.startsWith("  - │ "));
      const to = rows.findIndex((row, at) => at >= from && !/^ {2}(?:-| ) [│┊] /u.test(row));
      const gone = from < 0 ? [] : rows.slice(from, to);
      return gone.length === 0 ? null : gone.map((row) => row.slice(6).replace(/␠$/u, " ")).join("");
    }
    case "list":
    case "error":
      return rows.length === 1 ? (rows[0] ?? null) : null;
    case "agent":
    case "bytes":
      return null;
    default:
      return stands satisfies never;
  }
}

/** An argument stands between quotes, or below its name behind the gutter. */
function readArgument(rows: readonly string[]): string | null {
  const at = rows.findIndex((row) => row.startsWith("  /text"));
  const quoted = /^ {2}\/text {2}"(.*)"$/u.exec(rows[at] ?? "")?.[1];
  if (at < 0 || quoted !== undefined) return quoted ?? null;
  return rows
    .slice(at + 1, endOfGutter(rows, at + 1))
    .map((row) => row.slice(6).replace(/␠$/u, " "))
    .join("");
}

function endOfGutter(rows: readonly string[], from: number): number {
  let end = from;
  while (/^ {4}[│┊] /u.test(rows[end] ?? "")) end += 1;
  return end;
}

/** A field beside the action, of one row or of several. */
function readField(name: string, rows: readonly string[]): string | null {
  const at = rows.findIndex((row) => row.startsWith(`  ${name.padEnd(10)}`));
  if (at < 0) return null;
  let end = at + 1;
  while (/^ {12}\S/u.test(rows[end] ?? "")) end += 1;
  return rows
    .slice(at, end)
    .map((row) => row.slice(12))
    .join("");
}

/** Everything but what was read there and but code and request: it is the same whatever stands there. */
export function frameOf(stands: Place, rows: readonly string[]): readonly string[] {
  const rest = rows.filter((row) => !/^ {2}(?:code|request) {3}/u.test(row));
  switch (stands) {
    case "argument": {
      const at = rest.findIndex((row) => row.startsWith("  /text"));
      return [...rest.slice(0, at), ...rest.slice(endOfGutter(rest, at + 1))];
    }
    case "name": {
      const from = rest.indexOf("arguments, in full:") + 1;
      return [...rest.slice(0, from), ...rest.slice(rest.indexOf("", from))];
    }
    case "tool":
      return rest.slice(1);
    case "label":
      return rest.filter((row) => !row.startsWith("  labels"));
    case "file":
      return rest.filter((row) => !/^ {2}(?:-| ) [│┊] |^ {2}compared with /u.test(row));
    case "host":
    case "target":
    case "agent":
    case "list":
    case "error":
    case "bytes":
      return [];
    default:
      return stands satisfies never;
  }
}

/** What a text of code points says. */
export function readBack(visible: string): string {
  return visible.replaceAll(/‹U\+([0-9A-F]{4,6})›/gu, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  );
}
