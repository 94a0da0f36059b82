import { isArray, isObject, type JsonValue } from "../../kernel/json.ts";
import { BUDGETED, isOfContext, type Budgeted, type MemoryBudget } from "../../kernel/memory-budget.ts";
import { QUARANTINES, type Quarantine } from "../../kernel/memory-quarantine.ts";
import { AGENT_NAME } from "../../kernel/names.ts";
import { decode, integer, object, oneOf, text, type Decoder } from "../../protocol/decode.ts";
import { agentName, count as natural, digest } from "../../protocol/fields.ts";
import { EXPORTED_PLANES, MAX_EXPORT_ENTRIES, type ExportedPlane } from "../../protocol/memory-export.ts";

// What owners sign about memory (docs/formats/statement.md): each reader gives null for anything else.

/** Entries that one statement erases at most. */
const MOST_ERASED = 10_000;
/** Largest budget: what a book can count. */
const MOST_BYTES = 2 ** 40;
const MOST_COUNT = 10_000_000;
/** The most that a request to a model is said to hold. */
const MOST_TOKENS = 1_000_000_000;

/** `{entries}`: numbers, ascending, none twice. */
export function readMemoryErasure(document: JsonValue): readonly number[] | null {
  if (!isObject(document) || Object.keys(document).length !== 1) return null;
  const { entries } = document;
  if (entries === undefined || !isArray(entries) || entries.length === 0 || entries.length > MOST_ERASED) return null;
  const numbers: number[] = [];
  for (const entry of entries) {
    if (typeof entry !== "number" || !Number.isSafeInteger(entry) || entry <= (numbers.at(-1) ?? -1)) return null;
    numbers.push(entry);
  }
  return numbers;
}

/** `{agent, what, bytes, count}`. */
export function readBudget(
  document: JsonValue,
): { readonly agent: string; readonly what: Budgeted; readonly budget: MemoryBudget } | null {
  if (!isObject(document) || Object.keys(document).length !== 4) return null;
  const { agent, bytes, count } = document;
  const what = BUDGETED.find((each) => each === document["what"]);
  if (typeof agent !== "string" || !AGENT_NAME.test(agent) || what === undefined) return null;
  if (!isWhole(bytes, MOST_BYTES) || !isWhole(count, isOfContext(what) ? MOST_TOKENS : MOST_COUNT)) return null;
  return { agent, what, budget: { bytes, count } };
}

/** `{by, value}`. */
export function readQuarantine(document: JsonValue): Quarantine | null {
  if (!isObject(document) || Object.keys(document).length !== 2) return null;
  const by = QUARANTINES.find((each) => each === document["by"]);
  const { value } = document;
  return by === undefined || typeof value !== "string" || value === "" || value.length > 400 ? null : { by, value };
}

/** What an owner signs to take entries in from another log; `digest` is of the list of theirs. */
export interface ImportDocument {
  readonly agent: string;
  readonly plane: ExportedPlane;
  readonly origin: string;
  /** Of the checkpoint that they were proved to lead to, in records. */
  readonly size: number;
  readonly count: number;
  readonly bytes: number;
  readonly digest: string;
}

/** Reads one, or gives null. */
export function readImport(document: JsonValue): ImportDocument | null {
  const decoded = decode(IMPORT, document);
  return decoded.kind === "ok" ? decoded.value : null;
}

const IMPORT: Decoder<ImportDocument> = object<ImportDocument>({
  agent: agentName,
  plane: oneOf(EXPORTED_PLANES),
  // As notes name a key (c2sp.org/signed-note).
  origin: text({ max: 255, pattern: /^[!-*,-~]+$/ }),
  size: natural,
  count: integer({ min: 1, max: MAX_EXPORT_ENTRIES }),
  bytes: natural,
  digest,
});

function isWhole(value: JsonValue | undefined, most: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= most;
}
