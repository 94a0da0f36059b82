import type { JsonObject } from "../../kernel/json.ts";
import type { ClientKind } from "../scan/clients.ts";
import { readConfiguration, tableAt, textAt, textsAt, valueAt } from "../scan/configuration.ts";
import { isEqual, OTHERWISE, placesIn, PlanRefused, readTable, withValue, type FoundFile } from "./client-plan.ts";
import { FACE_NAME, outsideAgent } from "./faces.ts";
import { copyJson, EditRefused, putJson } from "./json-edit.ts";
import { joinToml, partToml } from "./toml-edit.ts";

/** A configuration that was changed since its adoption, with its servers back. */
export interface ClientReturn {
  readonly text: string;
  /** What is there again. */
  readonly servers: readonly string[];
}

/** A table of servers: where it is, what is there now but for the face, and what was there. */
interface Place {
  readonly place: readonly string[];
  readonly others: JsonObject;
  readonly were: JsonObject;
}

/**
 * Plans how the servers of the original come back into a configuration that was changed since: the face goes out, they go in,
 * and everything else stays as it is now. What was written is read again and compared. Throws `PlanRefused` when one of them
 * could not come back as it was. Pure.
 */
export function planReturn(kind: ClientKind, now: FoundFile, original: FoundFile): ClientReturn {
  const { file, path } = now;
  const table = readTable(now);
  const before = readTable(original);
  const places = uniquePlaces([...placesIn(kind, file, table), ...placesIn(kind, file, before)]).map(
    (place): Place => ({ place, others: withoutFace(kind, tableAt(table, place)), were: tableAt(before, place) }),
  );
  for (const each of places) requireRoom(path, table, each);
  const changed = places.filter(({ place, others, were }) => !isEqual(tableAt(table, place), { ...others, ...were }));
  const servers = places.flatMap(({ were }) => Object.keys(were));
  if (changed.length === 0) return { text: now.text, servers };
  try {
    const put = file.format === "toml" ? putBackToml : putBackJson;
    const text = changed.reduce((sum, each) => put(sum, each, original.text), now.text);
    const expected = changed.reduce(
      (sum, { place, others, were }) => withValue(sum, place, { ...others, ...were }, file.format),
      table,
    );
    if (!isEqual(readConfiguration(text, file.format) ?? undefined, expected)) throw new EditRefused(OTHERWISE);
    return { text, servers };
  } catch (error) {
    if (!(error instanceof EditRefused)) throw error;
    throw new PlanRefused(path, error.message);
  }
}

function uniquePlaces(places: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

/** The entry that an adoption writes, wherever AIOS lies and whichever home it names. */
function withoutFace(kind: ClientKind, servers: JsonObject): JsonObject {
  const face = tableAt(servers, [FACE_NAME]);
  const command = textAt(face, ["command"]);
  const words = command === null ? textsAt(face, ["command"]) : [command, ...textsAt(face, ["args"])];
  const isFace = isEqual(words.slice(1, 4), ["mcp", "--agent", outsideAgent(kind.id)]);
  return isFace ? Object.fromEntries(Object.entries(servers).filter(([name]) => name !== FACE_NAME)) : servers;
}

function requireRoom(path: string, table: JsonObject, { place, others, were }: Place): void {
  for (const [name, value] of Object.entries(were)) {
    if (place.length > 1 && valueAt(table, place.slice(0, -1)) === undefined)
      throw new PlanRefused(path, `${place.slice(0, -1).join(" ")} is gone, which had the server ${name}`);
    if (Object.hasOwn(others, name) && !isEqual(others[name], value))
      throw new PlanRefused(path, `there is another server ${name} in it now`);
  }
}

function putBackJson(text: string, { place, others, were }: Place, original: string): string {
  const begun = text.trim() === "" ? "{}\n" : text;
  const isWhole = Object.keys(others).length === 0 && Object.keys(were).length > 0;
  return isWhole ? copyJson(begun, place, original) : putJson(begun, place, { ...others, ...were });
}

/** Those that were there come as they were written, so all of them or none. */
function putBackToml(text: string, { place: [name = ""], others, were }: Place, original: string): string {
  const { rest } = partToml(text, [name, FACE_NAME]);
  const isThere = Object.keys(were).every((server) => Object.hasOwn(others, server));
  return isThere ? rest : joinToml(rest, partToml(original, [name]).taken);
}
