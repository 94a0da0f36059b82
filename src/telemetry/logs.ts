import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { Sha256 } from "../protocol/merkle.ts";
import { CALL_SPAN, spanId, traceId } from "../protocol/trace-context.ts";
import type { LogRecord } from "../protocol/record.ts";
import { encodeAttributes, nanos, type Attributes } from "./attributes.ts";
import { showText, type Names } from "./names.ts";
import { SEVERITY, SEVERITY_WORDS } from "./ocsf-draft.ts";
import { draftsOf } from "./ocsf-records.ts";
import type { Gap, Item, Seen, View } from "./view.ts";

/** OTLP's numbers for how much something matters: INFO, INFO2, WARN, ERROR, FATAL. */
const NUMBERS = [0, 9, 10, 13, 17, 21];

/** Makes a log record of OTLP of each record, from the same words that a SIEM gets. */
export function createLogs({ names, sha256 }: { readonly names: Names; readonly sha256: Sha256 }): View {
  return {
    take({ record, fields }: Seen) {
      return draftsOf({ record, fields }, names).map(({ severity, message, unmapped }): Item => {
        const whose: Attributes = {
          "aios.instance": "instance" in record ? record.instance : null,
          "aios.agent": "agent" in record ? record.agent : null,
        };
        const attributes = { ...whose, ...attributesOf(unmapped), "aios.record": record.seq };
        const value = logRecord(
          { at: record.at, severity, event: `aios.${record.kind}`, message },
          { attributes: encodeAttributes(attributes), ...contextOf(record, sha256) },
        );
        return { seq: record.seq, value };
      });
    },
    gap({ from, to, at, why }: Gap) {
      const message = `records ${from} to ${to - 1} are missing: ${why}`;
      const attributes = encodeAttributes({ "aios.missing_from": from, "aios.missing_to": to - 1 });
      return [
        { seq: from, value: logRecord({ at, severity: SEVERITY.high, event: "aios.gap", message }, { attributes }) },
      ];
    },
    snapshot: (): JsonValue => null,
  };
}

function logRecord(
  { at, severity, event, message }: { at: number; severity: number; event: string; message: string },
  more: JsonObject,
): JsonObject {
  return {
    timeUnixNano: nanos(at),
    observedTimeUnixNano: nanos(at),
    severityNumber: NUMBERS[severity] ?? 0,
    severityText: SEVERITY_WORDS[severity] ?? "Unknown",
    eventName: event,
    body: { stringValue: showText(message) },
    ...more,
  };
}

function attributesOf(unmapped: JsonObject): Attributes {
  return Object.fromEntries(
    Object.entries(unmapped).map(([name, value]) => [`aios.${name}`, attributeOf(value)] as const),
  );
}

function attributeOf(value: JsonValue): Attributes[string] {
  if (value === null || typeof value !== "object") return value;
  const texts = Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  return Array.isArray(value) && texts.length === value.length ? texts : showText(JSON.stringify(value));
}

/** The trace that a record belongs to, where it says itself which: of what was held, nobody knows yet. */
function contextOf(record: LogRecord, sha256: Sha256): JsonObject {
  if (record.kind !== "intent") return {};
  return { traceId: traceId(sha256, record), spanId: spanId(sha256, record, CALL_SPAN), flags: 1 };
}
