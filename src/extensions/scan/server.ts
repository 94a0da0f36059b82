import { isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { readAddress } from "./address.ts";
import { textAt, textsAt, tableAt, valueAt } from "./configuration.ts";
import type { Place } from "./finding.ts";
import { hideInCommand, isSecretInClear, secretForm } from "./secret-like.ts";

/** One MCP server of one client. */
export interface Server {
  readonly name: string;
  /** Id of the client. */
  readonly client: string;
  readonly place: Place;
  /** Whether a folder names it rather than the person. */
  readonly from: "person" | "folder";
  /** argv of a local one with its secrets hidden, or null. */
  readonly command: readonly string[] | null;
  /** Address of another, without user, password, query and fragment, or null. */
  readonly url: string | null;
  /** Names of what it is given, of those whose values are secrets in clear text. */
  readonly secrets: readonly string[];
  readonly enabled: boolean;
  /** Its tools run without a question, as its own entry says. */
  readonly trusted: boolean;
}

/** Where an entry stands. */
export interface ServerSource {
  readonly client: string;
  readonly from: "person" | "folder";
  placeOf(name: string): Place;
}

/** The servers of a table of entries as clients have them; what is no entry is left out. */
export function readServers(entries: JsonObject, source: ServerSource): readonly Server[] {
  return Object.entries(entries).flatMap(([name, entry]) => (isObject(entry) ? [readServer(name, entry, source)] : []));
}

function readServer(name: string, entry: JsonObject, source: ServerSource): Server {
  const command = hideInCommand([...textsAt(entry, ["command"]), ...textsAt(entry, ["args"])]);
  const address = textAt(entry, ["url"]) ?? textAt(entry, ["httpUrl"]) ?? textAt(entry, ["serverUrl"]);
  return {
    name,
    client: source.client,
    place: source.placeOf(name),
    from: source.from,
    command: command.shown.length === 0 ? null : command.shown,
    url: address === null ? null : plainAddress(address),
    secrets: [...secretsOf(entry), ...command.names, ...(address === null ? [] : secretsIn(address))],
    enabled: valueAt(entry, ["enabled"]) !== false && valueAt(entry, ["disabled"]) !== true,
    trusted:
      valueAt(entry, ["trust"]) === true ||
      isFull(valueAt(entry, ["alwaysAllow"])) ||
      isFull(valueAt(entry, ["autoApprove"])),
  };
}

function isFull(value: JsonValue | undefined): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** Tables of an entry whose values a server is given. */
const GIVEN = ["env", "environment", "headers", "http_headers", "requestInit"];

function secretsOf(entry: JsonObject): readonly string[] {
  const given = GIVEN.flatMap((table) =>
    Object.entries({ ...tableAt(entry, [table]), ...tableAt(entry, [table, "headers"]) }),
  );
  const own = Object.entries(entry).filter(([name]) => /token|key|secret|password/iu.test(name) && !/env/iu.test(name));
  return [...given, ...own].flatMap(([name, value]) =>
    typeof value === "string" && isSecretInClear(name, value) ? [name] : [],
  );
}

function secretsIn(address: string): readonly string[] {
  const read = readAddress(address);
  if (read === null) return [];
  const named = read.query.filter(([name, value]) => isSecretInClear(name, value)).map(([name]) => `?${name}`);
  const inPath = secretForm(read.path);
  return [
    ...named,
    ...(read.login ? ["user and password in the address"] : []),
    ...(inPath === null ? [] : [`a part of the address (${inPath})`]),
  ];
}

function plainAddress(address: string): string {
  const read = readAddress(address);
  if (read === null) return "an address that cannot be read";
  return `${read.scheme}://${read.authority}${secretForm(read.path) === null ? read.path : "/..."}`;
}
