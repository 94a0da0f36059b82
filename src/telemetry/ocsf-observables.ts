import { isArray, isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";

/** Where values stand that people look for over all classes at once; OCSF's number for what each is, and its word. */
const SOUGHT: readonly (readonly [name: string, type: number, word: string])[] = [
  ["actor.user.name", 4, "User Name"],
  ["user.name", 4, "User Name"],
  ["dst_endpoint.hostname", 1, "Hostname"],
  ["dst_endpoint.ip", 2, "IP Address"],
  ["process.name", 9, "Process Name"],
  ["process.path", 45, "File Path"],
  ["resources[].uid", 10, "Resource UID"],
];

/** Of what an event has of its own, the values that people look for, each with the place where it stands. */
export function observablesOf(own: JsonObject): JsonObject {
  const observables = SOUGHT.flatMap(([name, type_id, type]) =>
    textsAt(own, name.split(".")).map((value) => ({ name, type_id, type, value })),
  );
  return observables.length === 0 ? {} : { observables };
}

function textsAt(value: JsonValue | undefined, [step, ...further]: readonly string[]): readonly string[] {
  if (step === undefined) return typeof value === "string" ? [value] : [];
  if (!isObject(value)) return [];
  const found = value[step.replace("[]", "")] ?? null;
  return (isArray(found) ? found : [found]).flatMap((each) => textsAt(each, further));
}
