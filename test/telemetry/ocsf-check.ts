import { OCSF_CLASSES, OCSF_OBJECTS, OCSF_SCHEMA, type Attribute, type Shape } from "./ocsf-extract.ts";

interface Fields {
  readonly [name: string]: unknown;
}

/** What an event has that the schema does not allow, each with its place; nothing when it fits. */
export function checkOcsf(event: Fields): readonly string[] {
  const uid = Number(event["class_uid"]);
  const found = OCSF_CLASSES[uid];
  if (found === undefined) return [`class ${String(event["class_uid"])} is not there`];
  const metadata = isFields(event["metadata"]) ? event["metadata"] : {};
  const profiles: readonly unknown[] = Array.isArray(metadata["profiles"]) ? metadata["profiles"] : [];
  return [
    ...(event["category_uid"] === found.category ? [] : ["another category"]),
    ...(event["type_uid"] === uid * 100 + Number(event["activity_id"]) ? [] : ["another type"]),
    ...(metadata["version"] === OCSF_SCHEMA ? [] : ["another version of the schema"]),
    ...profiles.flatMap((name) =>
      found.profiles.some((each) => each === name) ? [] : [`profile ${String(name)} is not in the class`],
    ),
    // Both are of events that stand for several.
    ...("duration" in event && !("count" in event) ? ["a duration of one event"] : []),
    ...checkShape(found, { given: event, at: "", profiles }),
  ];
}

interface Place {
  readonly given: unknown;
  readonly at: string;
  readonly profiles: readonly unknown[];
}

function checkShape({ attributes, required, oneOf, open }: Shape, { given, at, profiles }: Place): readonly string[] {
  if (!isFields(given)) return [`${at}: no object`];
  if (open === true) return [];
  return [
    ...required.filter((name) => !(name in given)).map((name) => `${at}/${name} is missing`),
    ...(oneOf === undefined || oneOf.some((name) => name in given) ? [] : [`${at}: none of ${oneOf.join()}`]),
    ...Object.entries(given).flatMap(([name, each]) => {
      const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
      const place = `${at}/${name}`;
      if (attribute === undefined) return [`${place} is not an attribute`];
      if (attribute.profile !== undefined && !profiles.includes(attribute.profile)) {
        return [`${place} is of the profile ${attribute.profile}, which is not named`];
      }
      return [
        ...checkWord(attribute, { value: each, given, at: place }),
        ...checkValues(attribute, { given: each, at: place, profiles }),
      ];
    }),
  ];
}

/** A number that stands for a word is one of those there are; the word beside it is that, or of the sender's for 99. */
function checkWord(
  { words, sibling }: Attribute,
  { value, given, at }: { readonly value: unknown; readonly given: Fields; readonly at: string },
): readonly string[] {
  if (words === undefined || sibling === undefined) return [];
  const word = Object.hasOwn(words, String(value)) ? words[Number(value)] : undefined;
  if (word === undefined) return [`${at} is none of ${Object.keys(words).join()}`];
  const said = given[sibling];
  if (value === 99) return typeof said === "string" && said !== "" ? [] : [`${at} is 99 and has no word`];
  return said === undefined || said === word ? [] : [`${at} is not called ${JSON.stringify(said)}`];
}

function checkValues(attribute: Attribute, { given, at, profiles }: Place): readonly string[] {
  if (attribute.array !== true) return checkValue(attribute, { given, at, profiles });
  if (!Array.isArray(given)) return [`${at} is no array`];
  return given.flatMap((each: unknown, n) => checkValue(attribute, { given: each, at: `${at}/${n}`, profiles }));
}

function checkValue({ type, object }: Attribute, { given, at, profiles }: Place): readonly string[] {
  if (type === "object") {
    const shape = OCSF_OBJECTS[object ?? ""];
    return shape === undefined ? [`${at}: no such object`] : checkShape(shape, { given, at, profiles });
  }
  const fits = {
    string: typeof given === "string",
    boolean: typeof given === "boolean",
    integer: Number.isSafeInteger(given),
    timestamp: Number.isSafeInteger(given) && Number(given) >= 0,
    port: Number.isSafeInteger(given) && Number(given) >= 0 && Number(given) <= 65_535,
    json: isFields(given),
  }[type];
  return fits ? [] : [`${at} is no ${type}`];
}

function isFields(value: unknown): value is Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
