import { GIT_DRIVER } from "../kernel/git-ssh.ts";
import { INFER_DRIVER, type Spent } from "../kernel/infer.ts";
import { isArray, isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { PLACEHOLDER } from "../kernel/names.ts";
import { NET_DRIVER } from "../kernel/net.ts";
import type { LogRecord } from "../protocol/record.ts";
import { actuallySpent, spentIn } from "../protocol/spent.ts";

/**
 * What the payload of one record names: what people ask for when they ask what an agent did. The words are an agent's or a
 * server's; whoever shows them makes them visible. A payload that is gone, or is not what it should be, names nothing.
 */
export interface RecordFacts {
  /** Paths of programs that were started. */
  readonly programs: readonly string[];
  /** Files that were written, made, moved or removed. */
  readonly files: readonly { readonly operation: string; readonly path: string }[];
  /** Where an action of the network or of git goes, `host:port`. */
  readonly host: string | null;
  /** Names of the secrets whose placeholders the action carries. */
  readonly secrets: readonly string[];
  /** The model that is asked, `provider/model`. */
  readonly model: string | null;
  /** Of an intent what a call of a model is expected to spend. */
  readonly expected: Spent | null;
}

const NOTHING: RecordFacts = { programs: [], files: [], host: null, secrets: [], model: null, expected: null };
/** Placeholders wherever they stand in a text. */
const PLACEHOLDERS = new RegExp(PLACEHOLDER.source.slice(1, -1), "g");

/** What a record names, from its opened payload. */
export function factsOf(record: LogRecord, payload: JsonValue): RecordFacts {
  if (payload === null || !isObject(payload)) return NOTHING;
  if (record.kind === "programs-started" || record.kind === "probe-observed")
    return { ...NOTHING, programs: namesIn(payload["programs"], "program") };
  if (record.kind === "files-written") return { ...NOTHING, files: filesIn(payload["files"]) };
  return record.kind === "intent" ? intentFacts(record.what, payload) : NOTHING;
}

/** What a call of a model has spent in the end, from its outcome and what its intent expected; null when it was none. */
export function spentOf(
  record: Extract<LogRecord, { kind: "outcome" }>,
  payload: JsonValue,
  expected: Spent | null,
): Spent | null {
  if (expected === null) return null;
  return actuallySpent(record.result, payload !== null && isObject(payload) ? payload : null, expected);
}

/** Whether an action of this name (`driver/tool`) goes to a host by the substrate's own devices. */
export function reaches(what: string): boolean {
  return what.startsWith(`${NET_DRIVER}/`) || what.startsWith(`${GIT_DRIVER}/`);
}

/** Whether an action of this name asks a model. */
export function asks(what: string): boolean {
  return what.startsWith(`${INFER_DRIVER}/`);
}

function intentFacts(what: string, payload: JsonObject): RecordFacts {
  const text = payload["action"];
  const parsed = typeof text === "string" ? parseJson(text) : null;
  const args = parsed?.kind === "ok" && isObject(parsed.value) ? parsed.value["arguments"] : null;
  if (typeof text !== "string" || args === null || args === undefined || !isObject(args)) return NOTHING;
  const [host, port, provider, model] = ["host", "port", "provider", "model"].map((name) => args[name]);
  return {
    ...NOTHING,
    host: reaches(what) && typeof host === "string" && typeof port === "number" ? `${host}:${port}` : null,
    secrets: what.startsWith(`${NET_DRIVER}/`)
      ? [...new Set([...text.matchAll(PLACEHOLDERS)].map(([, name = ""]) => name))]
      : [],
    model: asks(what) && typeof provider === "string" && typeof model === "string" ? `${provider}/${model}` : null,
    expected: spentIn(payload["spent"]),
  };
}

function namesIn(list: JsonValue | undefined, field: string): readonly string[] {
  return objectsIn(list).flatMap((each) => {
    const name = each[field];
    return typeof name === "string" ? [name] : [];
  });
}

function filesIn(list: JsonValue | undefined): RecordFacts["files"] {
  return objectsIn(list).flatMap(({ operation, path }) =>
    typeof operation === "string" && typeof path === "string" ? [{ operation, path }] : [],
  );
}

function objectsIn(list: JsonValue | undefined): readonly JsonObject[] {
  return list !== undefined && list !== null && isArray(list) ? list.filter(isObject) : [];
}
