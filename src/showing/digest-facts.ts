import type { JsonObject } from "../kernel/json.ts";
import type { LogRecord } from "../protocol/record.ts";
import { actuallySpent } from "../protocol/spent.ts";
import { NO_FACTS, type DigestFacts } from "./digest-events.ts";
import { asks, factsOf, reaches } from "./record-facts.ts";

/**
 * Folders that tools fill with files of their own: told one by one, the dozen that each commit writes would take the place of
 * the work.
 */
const FULL = /^(.*?\/(?:\.git|node_modules)\/).+$/su;

const FREE = Object.freeze({ input: 0, output: 0, cost: 0 });

/**
 * What a payload says to a digest: where an action goes, what a model took, which programs and files. Paths of requests,
 * other arguments, results and texts stay where they are.
 */
export function digestFacts(record: LogRecord, payload: JsonObject | null): DigestFacts {
  if (payload === null) return NO_FACTS;
  if (record.kind === "outcome")
    return asks(record.what) ? { ...NO_FACTS, spent: actuallySpent(record.result, payload, FREE) } : NO_FACTS;
  // Of other actions it asks nothing, and to read each of them would slow down whatever is being recorded.
  if (record.kind === "intent" && !reaches(record.what) && !asks(record.what)) return NO_FACTS;
  const { host, model, programs, files } = factsOf(record, payload);
  return { to: host ?? model, spent: null, programs, files: files.map(({ path }) => path.replace(FULL, "$1")) };
}
