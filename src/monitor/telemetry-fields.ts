import { canonicalize } from "../kernel/canonical.ts";
import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import { MOST_CONTENT, MOST_PROGRAMS, type PayloadFields } from "../protocol/telemetry-table.ts";
import type { Entry } from "./log/log.ts";
import { spentIn } from "../protocol/spent.ts";

/** Longest name that is handed over, UTF-16 units. */
const MOST_NAME = 512;

/**
 * What telemetry is told of a payload: which model, which host, which programs, how much. Arguments and results only when
 * `content` says so, and then as `scrub` leaves them (SECRETS-OUTSIDE). A payload that was erased tells nothing.
 */
export function fieldsOf({ record, payload }: Entry, content: ((text: string) => string) | null): PayloadFields {
  const args = argumentsIn(payload);
  const result = parsed(payload?.["result"]);
  return {
    record: record.seq,
    infer: whatOf(record).startsWith("infer/") ? inferIn(args, result) : null,
    net: whatOf(record).startsWith("net/") ? netIn(args, result) : null,
    programs: record.kind === "programs-started" ? programsIn(payload) : [],
    content: content === null ? null : contentIn(payload, content),
  };
}

function whatOf(record: LogRecord): string {
  return "what" in record ? record.what : "";
}

/** The arguments of the action that a payload holds the text of; none when it holds none. */
function argumentsIn(payload: JsonObject | null): JsonObject {
  const args = parsed(payload?.["action"])["arguments"];
  return isObject(args) ? args : {};
}

function parsed(text: JsonValue | undefined): JsonObject {
  const read = typeof text === "string" ? parseJson(text) : null;
  return read?.kind === "ok" && isObject(read.value) ? read.value : {};
}

function inferIn(args: JsonObject, result: JsonObject): PayloadFields["infer"] {
  return { provider: nameIn(args["provider"]), model: nameIn(args["model"]), spent: spentIn(result["spent"]) };
}

function netIn(args: JsonObject, result: JsonObject): PayloadFields["net"] {
  return {
    host: nameIn(args["host"]),
    port: countIn(args["port"]),
    method: nameIn(args["method"]),
    status: countIn(result["status"]),
    sent: countIn(result["sent"]),
    received: countIn(result["received"]),
  };
}

function programsIn(payload: JsonObject | null): PayloadFields["programs"] {
  const programs = payload?.["programs"];
  if (!Array.isArray(programs)) return [];
  return programs
    .filter(isObject)
    .slice(0, MOST_PROGRAMS)
    .map((each) => ({
      pid: countIn(each["pid"]) ?? 0,
      parent: countIn(each["parent"]) ?? 0,
      program: nameIn(each["program"]) ?? "",
    }));
}

function contentIn(payload: JsonObject | null, scrub: (text: string) => string): PayloadFields["content"] {
  const shown = (text: string): string => scrub(text).slice(0, MOST_CONTENT).toWellFormed();
  const { action = null, result = null } = payload ?? {};
  return {
    arguments: typeof action === "string" ? shown(canonicalize(argumentsIn(payload))) : null,
    result: typeof result === "string" ? shown(result) : null,
  };
}

function nameIn(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? value.slice(0, MOST_NAME).toWellFormed() : null;
}

function countIn(value: JsonValue | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
