import { isArray, isObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { asJson } from "../protocol/as-json.ts";
import type { ActionBase, LogRecord, RecordBase } from "../protocol/record.ts";
import { showText, type Names } from "./names.ts";
import { deciderAttributes } from "./record-attributes.ts";

/** A record that is not about one action, nor of what was started inside. */
export type OtherRecord = Exclude<LogRecord, ActionBase | { readonly kind: "programs-started" }>;
type OtherKind = OtherRecord["kind"];
type FieldOf<Kind extends OtherKind> = Exclude<
  keyof Extract<OtherRecord, { readonly kind: Kind }>,
  keyof RecordBase | "kind"
>;

/** Of every kind, words that an owner signed for or that are ours. */
const EVERYWHERE: ReadonlySet<string> = new Set(
  [
    "agent ancestry calls code digest driver extension found grant instance key kept labels leases limit manifest",
    "owner pages pin plane policy port provider publisher refused stage stages witness",
  ].flatMap((fields) => fields.split(" ")),
);

/** Of one kind, the same: of others the field of that name has somebody else's words. */
const SHOWN: { readonly [Kind in OtherKind]?: readonly FieldOf<Kind>[] } = {
  start: ["constitution", "version", "node"],
  stop: ["why"],
  "instance-ended": ["why"],
  "console-closed": ["why"],
  "console-entered": ["by"],
  "port-closed": ["why"],
  "away-begun": ["asked"],
  "away-ended": ["why"],
  "second-screen-set": ["demand"],
  "publishers-set": ["change"],
  "secret-not-refreshed": ["fault"],
  "extension-added": ["of"],
  "memory-kept": ["by"],
  "memory-budget-set": ["what"],
  "memory-frozen": ["name"],
  "memory-quarantined": ["by"],
  "memory-released": ["by"],
  "driver-quarantined": ["why"],
  refused: ["peer"],
};

/** Never told: which value of a secret is in force when is of no use to a receiver, and may be held against guesses. */
const KEPT_BACK: ReadonlySet<string> = new Set(["commitment", "before"]);
const ALL_HAVE: ReadonlySet<string> = new Set<keyof RecordBase | "kind">([
  "v",
  "seq",
  "at",
  "start",
  "payload",
  "kind",
]);

/**
 * What a record says, by the names of its own fields (docs/formats/log.md): numbers as they are, and of words as they are
 * only those that are known to be an owner's or ours. What a new field says is a name until it stands above.
 */
export function tellFields(record: OtherRecord, names: Names): JsonObject {
  // The type of the table allows one list more than the kind has: that of another.
  const shown: readonly string[] = SHOWN[record.kind] ?? [];
  const told = Object.entries(asJson(record))
    .filter(([field, value]) => !ALL_HAVE.has(field) && !KEPT_BACK.has(field) && !(field === "by" && isObject(value)))
    .map(([field, value]) => {
      const words = EVERYWHERE.has(field) || shown.includes(field) ? showText : names.resource;
      // `record` is the number of the record itself.
      return [field === "record" ? "of_record" : field, tell(value, words)] as const;
    });
  return { ...Object.fromEntries(told), ...aboutMemory(record), ...deciderOf(record) };
}

/** In whose words a quarantine of memory speaks: a number and an instance are ours, what was read is a name. */
function aboutMemory(record: OtherRecord): JsonObject {
  if (record.kind !== "memory-quarantined" && record.kind !== "memory-released") return {};
  return record.by === "source" ? {} : { value: showText(record.value) };
}

function deciderOf(record: OtherRecord): JsonObject {
  if (record.kind !== "instance-frozen" && record.kind !== "all-frozen") return {};
  const decider = Object.entries(deciderAttributes(record.by));
  return Object.fromEntries(decider.map(([name, value]) => [name.slice("aios.".length), value] as const));
}

function tell(value: JsonValue, words: (text: string) => string): JsonValue {
  if (typeof value === "string") return words(value);
  if (isArray(value)) return value.map((each) => tell(each, words));
  if (!isObject(value)) return value;
  const inside = Object.entries(value).map(
    ([name, each]) => [name, name === "kind" ? each : tell(each, words)] as const,
  );
  return Object.fromEntries(inside);
}
