/**
 * Reads OCSF's published schema in either of its two forms into one: the files that people write (a checkout of
 * github.com/ocsf/ocsf-schema, where classes extend, include and look into a dictionary), and the one file that is compiled
 * of them, where every class has all that it has.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** An attribute with all that is said of it. */
export interface Published {
  /** As `string_t`; `object` when it holds one. */
  readonly type: string;
  readonly object: string | null;
  readonly array: boolean;
  readonly required: boolean;
  /** It is there only in events that name one of these; in every event when there is none. */
  readonly profiles: readonly string[];
  readonly sibling: string | null;
  readonly words: { readonly [value: string]: string };
  readonly deprecated: boolean;
}

export interface PublishedShape {
  readonly attributes: { readonly [name: string]: Published };
  readonly atLeastOne: readonly string[];
  readonly justOne: readonly string[];
  /** Those that events of it may name. */
  readonly profiles: readonly string[];
}

export interface PublishedSchema {
  readonly version: string | null;
  readonly classes: ReadonlyMap<number, PublishedShape & { readonly category: number }>;
  readonly objects: ReadonlyMap<string, PublishedShape>;
}

/** An attribute as a file has it; what it does not say is said by what it extends, or by the dictionary. */
interface Said {
  readonly type?: string;
  readonly object_type?: string;
  readonly is_array?: boolean;
  readonly requirement?: string;
  readonly profile?: string | null;
  readonly profiles?: readonly string[] | null;
  readonly sibling?: string;
  readonly enum?: { readonly [value: string]: { readonly caption: string } };
  readonly "@deprecated"?: object;
}

/** A class, an object, a profile, the dictionary: the files have one form. */
interface Entry {
  readonly name?: string;
  readonly extends?: string;
  readonly uid?: number;
  readonly category?: string;
  readonly category_uid?: number;
  readonly profiles?: readonly string[];
  readonly attributes?: { readonly $include?: readonly string[]; readonly [name: string]: unknown };
  readonly constraints?: { readonly at_least_one?: readonly string[]; readonly just_one?: readonly string[] };
}

type Attributes = { readonly [name: string]: Said };
type Resolved = Omit<Entry, "attributes"> & { readonly attributes: Attributes };

interface Compiled {
  readonly version?: string;
  readonly classes: { readonly [name: string]: Entry };
  readonly objects: { readonly [name: string]: Entry };
}

/** Reads the schema at a path: a folder is a checkout, a file is compiled. */
export function readPublished(path: string): PublishedSchema {
  return statSync(path).isDirectory() ? readFiles(path) : readCompiled(path);
}

function readCompiled(path: string): PublishedSchema {
  const all: Compiled = JSON.parse(readFileSync(path, "utf8"));
  const classes = Object.values(all.classes).flatMap((entry) =>
    entry.uid === undefined
      ? []
      : [
          [
            entry.uid,
            { ...shapeOf({ ...entry, attributes: said(entry) }), category: entry.category_uid ?? 0 },
          ] as const,
        ],
  );
  const objects = Object.entries(all.objects).map(
    ([name, entry]) => [name, shapeOf({ ...entry, attributes: said(entry) })] as const,
  );
  return { version: all.version ?? null, classes: new Map(classes), objects: new Map(objects) };
}

function readFiles(folder: string): PublishedSchema {
  const read = (path: string): Entry => JSON.parse(readFileSync(join(folder, path), "utf8"));
  const { version }: { readonly version?: string } = JSON.parse(readFileSync(join(folder, "version.json"), "utf8"));
  const [events, objects] = [gather(folder, "events"), gather(folder, "objects")];
  const dictionary = said(read("dictionary.json"));
  const categories = read("categories.json").attributes ?? {};

  function merge(above: Attributes, entry: Entry, profile?: string): Attributes {
    const merged: { [name: string]: Said } = { ...above };
    for (const path of entry.attributes?.$include ?? []) {
      const included = read(path);
      Object.assign(merged, merge(merged, included, path.startsWith("profiles/") ? included.name : undefined));
    }
    for (const [name, own] of Object.entries(said(entry))) {
      const before = merged[name];
      const words = { ...before?.enum, ...own.enum };
      merged[name] = { ...(profile === undefined ? {} : { profile }), ...before, ...own, enum: words };
    }
    return merged;
  }

  function resolve(entry: Entry, all: ReadonlyMap<string, Entry>): Resolved {
    const parent = entry.extends === undefined ? undefined : all.get(entry.extends);
    const above: Resolved = parent === undefined ? { attributes: {} } : resolve(parent, all);
    const profiles = [...(above.profiles ?? []), ...(entry.profiles ?? [])];
    return { ...above, ...entry, profiles, attributes: merge(above.attributes, entry) };
  }

  function whole(entry: Resolved): PublishedShape {
    const attributes = Object.entries(entry.attributes).map(([name, own]) => {
      const general = dictionary[name];
      return [name, { ...general, ...own, enum: { ...general?.enum, ...own.enum } }] as const;
    });
    return shapeOf({ ...entry, attributes: Object.fromEntries(attributes) });
  }

  const classes = new Map<number, PublishedShape & { readonly category: number }>();
  for (const entry of events.values()) {
    const found = resolve(entry, events);
    const named = categories[found.category ?? "other"];
    const category = isUid(named) ? named.uid : 0;
    if (entry.uid !== undefined) classes.set(category * 1000 + entry.uid, { ...whole(found), category });
  }
  const shapes = [...objects].map(([name, entry]) => [name, whole(resolve(entry, objects))] as const);
  return { version: version ?? null, classes, objects: new Map(shapes) };
}

function shapeOf({ attributes, constraints, profiles = [] }: Resolved): PublishedShape {
  return {
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, each]) => [name, published(each)])),
    atLeastOne: constraints?.at_least_one ?? [],
    justOne: constraints?.just_one ?? [],
    profiles,
  };
}

/** What is no type of the dictionary, all of which end on `_t`, is an object by its name. */
function published(own: Said): Published {
  const { type = "", object_type: named } = own;
  const object = named ?? (type.endsWith("_t") ? null : type);
  const words = Object.entries(own.enum ?? {}).map(([value, { caption }]) => [value, caption] as const);
  return {
    type: object === null ? type : "object",
    object,
    array: own.is_array === true,
    required: own.requirement === "required",
    profiles: own.profiles ?? (typeof own.profile === "string" ? [own.profile] : []),
    sibling: own.sibling ?? null,
    words: Object.fromEntries(words),
    deprecated: own["@deprecated"] !== undefined,
  };
}

function said({ attributes = {} }: Entry): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, each]) => (isSaid(each) ? [[name, each] as const] : [])),
  );
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
