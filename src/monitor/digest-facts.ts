import { isArray, isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import { NO_FACTS, type DigestFacts } from "../showing/digest-events.ts";
import { spentIn } from "./spent.ts";

/** Longest name that a digest takes, UTF-16 units. */
const MOST_NAME = 200;
const REACHES = /^(?:net|infer|git-ssh)\//;

/**
 * What a payload says to a digest: where an action goes, what a model took, which programs and files. Arguments beyond
 * that, results, paths of requests and texts stay where they are.
 */
export function factsOf(record: LogRecord, payload: JsonObject | null): DigestFacts {
  if (payload === null) return NO_FACTS;
  if (record.kind === "intent") return REACHES.test(record.what) ? { ...NO_FACTS, to: destination(payload) } : NO_FACTS;
  if (record.kind === "outcome" && record.what.startsWith("infer/"))
    return { ...NO_FACTS, spent: spentIn(parsed(payload["result"])["spent"]) };
  if (record.kind === "programs-started") return { ...NO_FACTS, programs: namesIn(payload["programs"], "program") };
  if (record.kind === "files-written") return { ...NO_FACTS, files: namesIn(payload["files"], "path") };
  return NO_FACTS;
}

/** Method, host and port, and whom a message is to; or which model of which provider. */
function destination(payload: JsonObject): string | null {
  const args = parsed(payload["action"])["arguments"];
  if (!isObject(args)) return null;
  const to = args["to"];
  const words = [args["method"], args["host"], args["port"], args["provider"], args["model"], args["path"]];
  const [method, host, port, provider, model, path] = words.map(word);
  const place = host === "" ? [provider, model].join(" ") : `${host}${port === "" ? "" : `:${port}`}`;
  const people = to !== undefined && isArray(to) ? to.map(word).join(", ") : word(to);
  // Of a request the path may hold anything; of a repository it is its name.
  const repository = args["user"] === undefined ? "" : path;
  const said = [method, `${place}${repository}`, people === "" ? "" : `to ${people}`].filter((each) => each !== "");
  return said.length === 0 ? null : said.join(" ").slice(0, MOST_NAME).toWellFormed();
}

function word(value: JsonValue | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value).slice(0, MOST_NAME) : "";
}

function parsed(text: JsonValue | undefined): JsonObject {
  const read = typeof text === "string" ? parseJson(text) : null;
  return read?.kind === "ok" && isObject(read.value) ? read.value : {};
}

function namesIn(list: JsonValue | undefined, field: string): readonly string[] {
  if (list === undefined || !isArray(list)) return [];
  return list.flatMap((each) => (isObject(each) && typeof each[field] === "string" ? [word(each[field])] : []));
}
