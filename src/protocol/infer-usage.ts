import { isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { decodeUtf8 } from "./bytes.ts";

/** Tokens as a provider counts them: what was sent to it, cached or not, and what it answered. */
export interface CountedTokens {
  readonly input: number;
  readonly output: number;
}

/** Reads the usage out of an answer while it streams by; what it cannot read it says nothing of. */
export interface UsageReader {
  add(bytes: Uint8Array): void;
  /** What was counted; null when the answer has not said. */
  end(): CountedTokens | null;
}

/** Longest line of an event stream and longest answer that are looked into. */
const LINE_BYTES = 1024 * 1024;
const ANSWER_BYTES = 16 * 1024 * 1024;
const LINE_FEED = 10;
const BOUNDS = { maxLength: ANSWER_BYTES, maxDepth: 64, maxValues: 1_000_000 } as const;

/** Makes a reader for one answer, by its content type: an event stream or one JSON object. */
export function createUsageReader(contentType: string): UsageReader {
  return /^text\/event-stream/i.test(contentType) ? readEvents() : readWhole();
}

function readWhole(): UsageReader {
  const parts: Uint8Array[] = [];
  let held = 0;
  return {
    add: (bytes) => {
      held += bytes.length;
      if (held <= ANSWER_BYTES) parts.push(bytes.slice());
    },
    end: () => {
      const value = held <= ANSWER_BYTES ? valueOf(joined(parts)) : null;
      const usage = value === null ? null : usageIn(value);
      return usage === null ? null : counted(usage);
    },
  };
}

/** Events after which nothing comes, and with them the line that OpenAI's chat and its kin end a stream with. */
const LAST_EVENTS: ReadonlySet<JsonValue | undefined> = new Set([
  "message_stop",
  "response.completed",
  "response.incomplete",
  "response.failed",
]);
const LAST_LINE = "[DONE]";
/** What a stream begins with has the usage so far, which is next to nothing. */
const FIRST_EVENT = "message_start";
const MAY_SAY = /"usage"|"message_stop"|"response\.(?:completed|incomplete|failed)"/;

/**
 * Usage is told more than once in a stream, each time in full or in part: the last word on each number counts. A stream that
 * does not come to its own end, or says nothing after its beginning, has not said what it cost.
 */
function readEvents(): UsageReader {
  let line: Uint8Array[] = [];
  let held = 0;
  let usage: JsonObject | null = null;
  let isSaid = false;
  let isOver = false;
  const take = (): void => {
    const text = held <= LINE_BYTES ? decodeUtf8(joined(line)) : null;
    line = [];
    held = 0;
    if (text === null || !text.startsWith("data:")) return;
    const data = text.slice("data:".length).trim();
    if (data === LAST_LINE) isOver = true;
    // Nearly all events are pieces of text, and need not be read.
    if (!MAY_SAY.test(data)) return;
    const value = valueOf(data);
    if (value === null) return;
    if (LAST_EVENTS.has(value["type"])) isOver = true;
    const found = usageIn(value);
    if (found === null) return;
    usage = { ...usage, ...found };
    if (value["type"] !== FIRST_EVENT) isSaid = true;
  };
  return {
    add: (bytes) => {
      let from = 0;
      for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, from)) {
        keep(bytes.subarray(from, end));
        take();
        from = end + 1;
      }
      keep(bytes.subarray(from));
    },
    end: () => {
      take();
      return usage === null || !isSaid || !isOver ? null : counted(usage);
    },
  };

  function keep(part: Uint8Array): void {
    held += part.length;
    if (part.length > 0 && held <= LINE_BYTES) line.push(part.slice());
  }
}

/** The usage of an answer or event: at its top, in its message (Anthropic) or in its response (OpenAI's Responses). */
function usageIn(value: JsonObject): JsonObject | null {
  for (const place of [value, value["message"], value["response"]]) {
    const usage = place !== undefined && isObject(place) ? place["usage"] : undefined;
    if (usage !== undefined && isObject(usage)) return usage;
  }
  return null;
}

const INPUT = ["input_tokens", "prompt_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"] as const;
const OUTPUT = ["output_tokens", "completion_tokens"] as const;

/** Null when no number is there, or one is that cannot be a number of tokens: then nobody knows. */
function counted(usage: JsonObject): CountedTokens | null {
  const told = [...INPUT, ...OUTPUT].map((name) => usage[name] ?? null).filter((value) => value !== null);
  if (told.length === 0 || told.some((value) => countOf(value) === null)) return null;
  const sum = (names: readonly string[]): number => names.reduce((all, name) => all + (countOf(usage[name]) ?? 0), 0);
  return { input: sum(INPUT), output: sum(OUTPUT) };
}

function countOf(value: JsonValue | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= 1e9 ? value : null;
}

function valueOf(text: string | Uint8Array): JsonObject | null {
  const plain = typeof text === "string" ? text : decodeUtf8(text);
  const parsed = plain === null ? null : parseJson(plain.trim(), BOUNDS);
  return parsed?.kind === "ok" && isObject(parsed.value) ? parsed.value : null;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
