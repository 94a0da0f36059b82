/**
 * Holds the extract of OCSF's schema (`ocsf-extract.ts`) against the published schema itself, of which no package of npm
 * or Debian is made: a checkout of github.com/ocsf/ocsf-schema at the tag of the version, or the compiled schema in one file.
 *
 *     npm run proof:ocsf -- FOLDER-OR-FILE
 */
import {
  OCSF_CLASSES,
  OCSF_OBJECTS,
  OCSF_SCHEMA,
  type Attribute,
  type EventClass,
  type Shape,
} from "./ocsf-extract.ts";
import { readPublished, type Published, type PublishedShape } from "./ocsf-published-files.ts";

export interface Extract {
  readonly version: string;
  readonly classes: { readonly [uid: number]: EventClass };
  readonly objects: { readonly [name: string]: Shape };
}

/** What the extract says that the published schema does not say, each with its place; nothing when they agree. */
export function compareWithPublished(path: string, extract: Extract): readonly string[] {
  const { version, classes, objects } = readPublished(path);
  return [
    ...(version === extract.version ? [] : [`this schema is version ${String(version)}, not ${extract.version}`]),
    ...Object.entries(extract.classes).flatMap(([uid, shape]) => {
      const [at, found] = [`class ${uid}`, classes.get(Number(uid))];
      if (found === undefined) return [`${at} is not there`];
      const { profiles, category } = found;
      return [
        ...(category === shape.category ? [] : [`${at}: another category`]),
        ...shape.profiles.filter((name) => !profiles.includes(name)).map((name) => `${at} has no profile ${name}`),
        ...compareShape(at, { profiles: shape.profiles, shape, found }),
      ];
    }),
    ...Object.entries(extract.objects).flatMap(([name, shape]) => {
      const found = objects.get(name);
      return found === undefined ? [`object ${name} is not there`] : compareShape(name, { profiles: [], shape, found });
    }),
  ];
}

interface Pair {
  /** Profiles that events of the class may name. */
  readonly profiles: readonly string[];
  readonly shape: Shape;
  readonly found: PublishedShape;
}

function compareShape(at: string, { profiles, shape, found }: Pair): readonly string[] {
  const required = Object.entries(found.attributes).filter(([, attribute]) => attribute.required);
  const always = required.filter(([, attribute]) => attribute.profiles.length === 0).map(([name]) => name);
  const byProfile = required.filter(([, attribute]) => attribute.profiles.some((name) => profiles.includes(name)));
  return [
    ...differ(`${at}: required`, shape.required, always),
    // Of the profiles that events name none requires anything; should one, the extract has to learn to say so.
    ...byProfile.map(([name]) => `${at}/${name} is required by a profile`),
    ...differ(`${at}: one of`, shape.oneOf ?? [], found.atLeastOne),
    ...differ(`${at}: just one of`, [], found.justOne),
    ...Object.entries(shape.attributes).flatMap(([name, attribute]) => {
      const published = Object.hasOwn(found.attributes, name) ? found.attributes[name] : undefined;
      if (published === undefined) return [`${at}/${name} is not an attribute`];
      return compareAttribute(`${at}/${name}`, attribute, published);
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
  object: "object",
};

function compareAttribute(at: string, attribute: Attribute, published: Published): readonly string[] {
  const is = PLAIN[published.type] ?? "string";
  const words = (of: { readonly [value: string]: string }): readonly string[] =>
    Object.entries(of).map(([value, caption]) => `${value} ${caption}`);
  const { profiles } = published;
  const fits = attribute.profile === undefined ? profiles.length === 0 : profiles.includes(attribute.profile);
  return [
    ...(published.deprecated ? [`${at} is deprecated`] : []),
    ...(is === attribute.type ? [] : [`${at} is ${published.object ?? published.type}, not ${attribute.type}`]),
    ...(is !== attribute.type || published.object === (attribute.object ?? null)
      ? []
      : [`${at} is the object ${String(published.object)}`]),
    ...(published.array === (attribute.array === true) ? [] : [`${at} is an array in one of them`]),
    ...(fits ? [] : [`${at} is of the profile ${profiles.join() || "none"}`]),
    ...(attribute.sibling === undefined || attribute.sibling === published.sibling
      ? []
      : [`${at} has its word elsewhere`]),
    ...differ(`${at}: words`, words(attribute.words ?? {}), words(published.words)),
  ];
}

function differ(at: string, ours: readonly string[], theirs: readonly string[]): readonly string[] {
  const [own, other] = [new Set(ours), new Set(theirs)];
  return [
    ...theirs.filter((each) => !own.has(each)).map((each) => `${at} lacks ${each}`),
    ...ours.filter((each) => !other.has(each)).map((each) => `${at} has ${each}, which is not published`),
  ];
}

if (import.meta.main) {
  const [, , path] = process.argv;
  if (path === undefined) throw new Error("name the folder of a checkout of ocsf-schema, or a compiled schema");
  const extract = { version: OCSF_SCHEMA, classes: OCSF_CLASSES, objects: OCSF_OBJECTS };
  const found = compareWithPublished(path, extract);
  for (const each of found) process.stdout.write(`${each}\n`);
  process.stdout.write(found.length === 0 ? "the extract says what the published schema says\n" : "");
  process.exitCode = found.length === 0 ? 0 : 1;
}
