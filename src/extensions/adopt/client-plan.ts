import { isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import type { ClientKind, ConfigurationFile } from "../scan/clients.ts";
import { lineOf, readConfiguration, tableAt, textAt, textsAt, valueAt } from "../scan/configuration.ts";
import { readServers, type Server } from "../scan/server.ts";
import { FACE_ENTRIES, FACE_NAME } from "./faces.ts";
import { EditRefused, putJson } from "./json-edit.ts";
import { appendToml, removeToml } from "./toml-edit.ts";

/** One of a client's configurations as it lies there. */
export interface FoundFile {
  readonly file: ConfigurationFile;
  /** Absolute. */
  readonly path: string;
  /** As people are shown it. */
  readonly shown: string;
  readonly text: string;
}

/** What an adoption would change. */
export interface ClientPlan {
  /** Files with other contents than before, in the order in which they are written. */
  readonly changes: readonly { readonly path: string; readonly text: string }[];
  /** What was configured and goes, the face itself left out. */
  readonly servers: readonly Server[];
}

/** A configuration that cannot be rewritten safely: nothing of it was changed. The message ends `Cannot adopt PATH: `. */
export class PlanRefused extends Error {
  readonly path: string;

  constructor(path: string, why: string) {
    super(why);
    this.path = path;
  }
}

/**
 * Plans how a client's servers give their place to the face: out of every file, and the face into the first. Everything else
 * stays as it is, character by character; what was written is read again and compared. Throws `PlanRefused`. Pure.
 */
export function planClient(
  kind: ClientKind,
  files: readonly FoundFile[],
  command: readonly [string, ...string[]],
): ClientPlan {
  const entry = FACE_ENTRIES.get(kind.id)?.(command) ?? null;
  if (entry === null) throw new Error(`no face for ${kind.id}`);
  const read = files.map((found) => ({ ...found, table: readTable(found) }));
  const holder = read.find(({ file, table }) => hasServers(file, table)) ?? read[0];
  const changes: ClientPlan["changes"][number][] = [];
  const servers: Server[] = [];
  for (const found of read) {
    const wanted = wantedIn(kind, found, { entry, isHolder: found === holder });
    servers.push(...wanted.servers);
    const text = rewrite(found, wanted.puts);
    if (text !== found.text) changes.push({ path: found.path, text });
  }
  return { changes, servers: servers.filter((server) => !isFace(server, command)) };
}

/** Whether an entry is the one that leads to the face already. */
function isFace({ name, command }: Server, face: readonly string[]): boolean {
  return name === FACE_NAME && JSON.stringify(command) === JSON.stringify(face);
}

export function readTable({ text, file, path }: FoundFile): JsonObject {
  const table = text.trim() === "" ? {} : readConfiguration(text, file.format);
  if (table === null) throw new PlanRefused(path, `it is no table of ${file.format === "toml" ? "TOML" : "JSON"}`);
  return table;
}

function hasServers(file: ConfigurationFile, table: JsonObject): boolean {
  return file.servers.some((place) => Object.keys(tableAt(table, place)).length > 0);
}

interface Put {
  readonly place: readonly string[];
  readonly value: JsonObject;
}

/** The tables of servers in a file, what becomes of each, and which servers were in them. */
function wantedIn(
  kind: ClientKind,
  found: FoundFile & { readonly table: JsonObject },
  { entry, isHolder }: { readonly entry: JsonObject; readonly isHolder: boolean },
): { readonly puts: readonly Put[]; readonly servers: readonly Server[] } {
  const { table, text, shown, file } = found;
  const places = placesIn(kind, file, table);
  const filled = places.filter((place) => Object.keys(tableAt(table, place)).length > 0);
  const first = filled.find((place) => file.servers.includes(place)) ?? file.servers[0] ?? [];
  const servers = filled.flatMap((place) =>
    readServers(tableAt(table, place), {
      client: kind.id,
      from: file.path.startsWith("./") ? "folder" : "person",
      placeOf: (name) => ({ path: shown, line: lineOf(text, [...place, name]) }),
    }),
  );
  const puts = filled.filter((place) => place !== first || !isHolder).map((place): Put => ({ place, value: {} }));
  return { puts: isHolder ? [...puts, { place: first, value: { [FACE_NAME]: entry } }] : puts, servers };
}

/** Claude Code keeps the servers of each project beside its own. */
export function placesIn(kind: ClientKind, file: ConfigurationFile, table: JsonObject): readonly (readonly string[])[] {
  if (kind.id !== "claude-code" || !file.path.startsWith("~/")) return file.servers;
  const projects = Object.keys(tableAt(table, ["projects"])).map((project) => ["projects", project, "mcpServers"]);
  return [...file.servers, ...projects];
}

function rewrite(found: FoundFile & { readonly table: JsonObject }, puts: readonly Put[]): string {
  const { file, path, table } = found;
  // A table that says the same already is left as it is written.
  const changed = puts.filter(({ place, value }) => !isEqual(valueAt(table, place), value));
  if (changed.length === 0) return found.text;
  try {
    const text = file.format === "toml" ? rewriteToml(found.text, changed) : rewriteJson(found.text, changed);
    const expected = changed.reduce((sum, { place, value }) => withValue(sum, place, value, file.format), table);
    if (!isEqual(readConfiguration(text, file.format) ?? undefined, expected)) throw new EditRefused(OTHERWISE);
    return text;
  } catch (error) {
    if (!(error instanceof EditRefused)) throw error;
    throw new PlanRefused(path, error.message);
  }
}

export const OTHERWISE = "it is written in a form in which its servers cannot be told from the rest";

function rewriteJson(text: string, puts: readonly Put[]): string {
  const begun = text.trim() === "" ? "{}\n" : text;
  return puts.reduce((sum, { place, value }) => putJson(sum, place, value), begun);
}

/** A table of servers in TOML is a name at the top; what the face is started with are texts. */
function rewriteToml(text: string, puts: readonly Put[]): string {
  return puts.reduce((sum, { place: [name = ""], value }) => {
    const face = tableAt(value, [FACE_NAME]);
    const rest = removeToml(sum, name);
    const command = textAt(face, ["command"]);
    if (command === null) return rest;
    return appendToml(rest, [name, FACE_NAME], { command, args: textsAt(face, ["args"]) });
  }, text);
}

/** A copy of a table with a value in a place. In TOML an empty table of servers is no table at all. */
export function withValue(
  table: JsonObject,
  [name = "", ...rest]: readonly string[],
  value: JsonObject,
  format: string,
): JsonObject {
  const others = Object.entries(table).filter(([key]) => key !== name);
  if (rest.length === 0 && format === "toml" && Object.keys(value).length === 0) return Object.fromEntries(others);
  const own = rest.length === 0 ? value : withValue(tableAt(table, [name]), rest, value, format);
  return Object.fromEntries([...others, [name, own]]);
}

export function isEqual(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: JsonValue | undefined): JsonValue {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map((each: JsonValue) => sorted(each));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, each]): [string, JsonValue] => [name, sorted(each)]);
  return Object.fromEntries(entries.toSorted(([first], [second]) => (first < second ? -1 : 1)));
}
