/**
 * Holds the extract of OCSF's schema (`ocsf-extract.ts`) against the published files themselves, of which no package of npm
 * or Debian is made: a checkout of github.com/ocsf/ocsf-schema at the tag of the version.
 *
 *     npm run proof:ocsf -- FOLDER
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  OCSF_CLASSES,
  OCSF_OBJECTS,
  OCSF_SCHEMA,
  type Attribute,
  type EventClass,
  type Shape,
} from "./ocsf-extract.ts";

/** An attribute as a file has it; what it does not say is said by what it extends, or by the dictionary. */
interface Said {
  readonly type?: string;
  readonly is_array?: boolean;
  readonly requirement?: string;
  readonly profile?: string | null;
  readonly sibling?: string;
  readonly enum?: { readonly [value: string]: { readonly caption: string } };
}

/** A class, an object, a profile, the dictionary: the files have one form. */
interface Entry {
  readonly name?: string;
  readonly extends?: string;
  readonly uid?: number;
  readonly category?: string;
  readonly attributes?: { readonly $include?: readonly string[]; readonly [name: string]: unknown };
  readonly constraints?: { readonly at_least_one?: readonly string[] };
}

interface Resolved extends Omit<Entry, "attributes"> {
  readonly attributes: { readonly [name: string]: Said };
}

export interface Extract {
  readonly version: string;
  readonly classes: { readonly [uid: number]: EventClass };
  readonly objects: { readonly [name: string]: Shape };
}

/** What the extract says that the published files do not say, each with its place; nothing when they agree. */
export function compareWithPublished(folder: string, extract: Extract): readonly string[] {
  const read = (path: string): Entry => JSON.parse(readFileSync(join(folder, path), "utf8"));
  const { version } = JSON.parse(readFileSync(join(folder, "version.json"), "utf8"));
  const [events, objects] = [gather(folder, "events"), gather(folder, "objects")];
  const dictionary = merge({}, read("dictionary.json"));
  const categories = read("categories.json").attributes ?? {};

  function merge(above: Resolved["attributes"], { attributes = {} }: Entry, profile?: string): Resolved["attributes"] {
    const { $include = [], ...own } = attributes;
    const merged: { [name: string]: Said } = { ...above };
    for (const path of $include) {
      const included = read(path);
      Object.assign(merged, merge(merged, included, path.startsWith("profiles/") ? included.name : undefined));
    }
    for (const [name, said] of Object.entries(own)) {
      if (!isSaid(said)) continue;
      const before = merged[name];
      const words = { ...before?.enum, ...said.enum };
      merged[name] = { ...(profile === undefined ? {} : { profile }), ...before, ...said, enum: words };
    }
    return merged;
  }

  function resolve(entry: Entry, all: ReadonlyMap<string, Entry>): Resolved {
    const parent = entry.extends === undefined ? undefined : all.get(entry.extends);
    const above: Resolved = parent === undefined ? { attributes: {} } : resolve(parent, all);
    return { ...above, ...entry, attributes: merge(above.attributes, entry) };
  }

  function compareShape(at: string, shape: Shape, { attributes, constraints }: Resolved): readonly string[] {
    const required = Object.entries(attributes).flatMap(([name, { requirement, profile }]) =>
      requirement === "required" && (profile ?? null) === null ? [name] : [],
    );
    return [
      ...differ(`${at}: required`, shape.required, required),
      ...differ(`${at}: one of`, shape.oneOf ?? [], constraints?.at_least_one ?? []),
      ...Object.entries(shape.attributes).flatMap(([name, attribute]) => {
        const said = attributes[name];
        const general = dictionary[name];
        if (said === undefined || general === undefined) return [`${at}/${name} is not an attribute`];
        const words = { ...general.enum, ...said.enum };
        return compareAttribute(`${at}/${name}`, attribute, { ...general, ...said, enum: words });
      }),
    ];
  }

  const classes = new Map<number, Resolved>();
  for (const entry of events.values()) {
    const found = resolve(entry, events);
    const category = categories[found.category ?? "other"];
    const above = isUid(category) ? category.uid : 0;
    if (entry.uid !== undefined) classes.set(above * 1000 + entry.uid, found);
  }
  return [
    ...(version === extract.version ? [] : [`these files are version ${String(version)}, not ${extract.version}`]),
    ...Object.entries(extract.classes).flatMap(([uid, shape]) => {
      const found = classes.get(Number(uid));
      if (found === undefined) return [`class ${uid} is not there`];
      const category = Math.floor(Number(uid) / 1000) === shape.category ? [] : [`class ${uid}: another category`];
      return [...category, ...compareShape(`class ${uid}`, shape, found)];
    }),
    ...Object.entries(extract.objects).flatMap(([name, shape]) => {
      const found = objects.get(name);
      return found === undefined ? [`object ${name} is not there`] : compareShape(name, shape, resolve(found, objects));
    }),
  ];
}

/** Types that others are narrower forms of: `port_t` and the like have a word of their own in the extract. */
const PLAIN: { readonly [type: string]: Attribute["type"] } = {
  string_t: "string",
  integer_t: "integer",
  long_t: "integer",
  timestamp_t: "timestamp",
  boolean_t: "boolean",
  port_t: "port",
  json_t: "json",
};

function compareAttribute(at: string, attribute: Attribute, said: Said): readonly string[] {
  const type = said.type ?? "";
  const is = PLAIN[type] ?? (type.endsWith("_t") ? "string" : "object");
  const words = Object.entries(said.enum ?? {}).map(([value, { caption }]) => `${value} ${caption}`);
  const ours = Object.entries(attribute.words ?? {}).map(([value, caption]) => `${value} ${caption}`);
  return [
    ...(is === attribute.type ? [] : [`${at} is ${type}, not ${attribute.type}`]),
    ...(is !== "object" || type === attribute.object ? [] : [`${at} is the object ${type}`]),
    ...((said.is_array === true) === (attribute.array === true) ? [] : [`${at} is an array in one of them`]),
    ...((said.profile ?? null) === (attribute.profile ?? null)
      ? []
      : [`${at} is of the profile ${said.profile ?? "none"}`]),
    ...(attribute.sibling === undefined || attribute.sibling === said.sibling ? [] : [`${at} has its word elsewhere`]),
    ...differ(`${at}: words`, ours, words),
  ];
}

function differ(at: string, ours: readonly string[], theirs: readonly string[]): readonly string[] {
  const [own, other] = [new Set(ours), new Set(theirs)];
  return [
    ...theirs.filter((each) => !own.has(each)).map((each) => `${at} lacks ${each}`),
    ...ours.filter((each) => !other.has(each)).map((each) => `${at} has ${each}, which is not published`),
  ];
}

function gather(folder: string, kind: "events" | "objects"): ReadonlyMap<string, Entry> {
  const files = readdirSync(join(folder, kind), { recursive: true, encoding: "utf8" });
  return new Map(
    files
      .filter((file) => file.endsWith(".json"))
      .map((file) => {
        const entry: Entry = JSON.parse(readFileSync(join(folder, kind, file), "utf8"));
        return [entry.name ?? "", entry];
      }),
  );
}

function isSaid(value: unknown): value is Said {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isUid(value: unknown): value is { readonly uid: number } {
  return value !== null && typeof value === "object" && "uid" in value && typeof value.uid === "number";
}

if (import.meta.main) {
  const [, , folder] = process.argv;
  if (folder === undefined) throw new Error("name the folder of a checkout of ocsf-schema");
  const extract = { version: OCSF_SCHEMA, classes: OCSF_CLASSES, objects: OCSF_OBJECTS };
  const found = compareWithPublished(folder, extract);
  for (const each of found) process.stdout.write(`${each}\n`);
  process.stdout.write(found.length === 0 ? "the extract says what the published files say\n" : "");
  process.exitCode = found.length === 0 ? 0 : 1;
}
