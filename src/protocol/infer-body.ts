import { isArray, isObject, parseJson, type JsonObject, type JsonValue } from "../kernel/json.ts";
import type { Endpoint, Feature } from "../kernel/infer.ts";
import { utf8Length } from "../kernel/utf8.ts";
import { quote } from "./quote.ts";
import { readAnthropic } from "./infer-anthropic.ts";
import { readChat, readResponses } from "./infer-openai.ts";

/** What a body asks for, as far as it is decided. */
export interface InferBody {
  readonly model: string;
  /** Most tokens of the answer; null when the body does not say. */
  readonly maxOutput: number | null;
  readonly stream: boolean;
  readonly inputTokens: number;
  readonly features: readonly Feature[];
}

export type ReadInferBody =
  { readonly kind: "ok"; readonly value: InferBody } | { readonly kind: "refused"; readonly message: string };

/** Longest body, in bytes of UTF-8. */
export const INFER_BODY_BYTES: number = 32 * 1024 * 1024;
const BOUNDS = { maxLength: INFER_BODY_BYTES, maxDepth: 64, maxValues: 2_000_000 } as const;
/** Bytes of a body for one token, fewer than any text of a natural language has: an estimate is not to be too small. */
const BYTES_FOR_TOKEN = 3;

const READERS: { readonly [endpoint in Endpoint]: (body: BodyReader) => Omit<InferBody, "features" | "inputTokens"> } =
  {
    messages: (body) => readAnthropic(body, "messages"),
    count: (body) => readAnthropic(body, "count"),
    chat: readChat,
    responses: readResponses,
  };

/**
 * Reads the body of a request to a model, strictly: what is not known is refused, and what makes the provider reach out or
 * keep something is a feature. The face reads it to ask, and whoever sends it reads it again to hold it against what was
 * decided: both use this function.
 */
export function readInferBody(endpoint: Endpoint, text: string): ReadInferBody {
  const parsed = parseJson(text, BOUNDS);
  if (parsed.kind !== "ok") return { kind: "refused", message: parsed.message };
  if (!isObject(parsed.value)) return { kind: "refused", message: "the body is no JSON object" };
  const reader = new BodyReader(parsed.value);
  try {
    const read = READERS[endpoint](reader);
    const inputTokens = Math.ceil(utf8Length(text) / BYTES_FOR_TOKEN);
    return { kind: "ok", value: { ...read, inputTokens, features: [...reader.features].toSorted() } };
  } catch (error) {
    if (error instanceof BodyRefused) return { kind: "refused", message: error.message };
    throw error;
  }
}

/** A body that is not read any further. */
class BodyRefused extends Error {}

/** One object of a body, and the features that were found in the whole of it. */
export class BodyReader {
  readonly value: JsonObject;
  readonly path: string;
  readonly features: Set<Feature>;

  constructor(value: JsonObject, path: string = "", features: Set<Feature> = new Set()) {
    this.value = value;
    this.path = path;
    this.features = features;
  }

  refuse(field: string, why: string): never {
    const at = this.path === "" ? field : `${this.path}.${field}`;
    throw new BodyRefused(`${at.slice(0, 200)}: ${why}`);
  }

  /** Refuses fields that are not among these. */
  only(...known: readonly (readonly string[] | ReadonlySet<string>)[]): this {
    const unknown = Object.keys(this.value).find((name) => !known.some((each) => [...each].includes(name)));
    return unknown === undefined ? this : this.refuse(quote(unknown).slice(1, -1), "is not known here");
  }

  /** A field that is there and not null. */
  get(field: string): JsonValue | undefined {
    const value = Object.hasOwn(this.value, field) ? this.value[field] : undefined;
    return value === null ? undefined : value;
  }

  text(field: string): string {
    const value = this.get(field);
    return typeof value === "string" ? value : this.refuse(field, "not a text");
  }

  optionalText(field: string): string | null {
    return this.get(field) === undefined ? null : this.text(field);
  }

  flag(field: string): boolean {
    const value = this.get(field) ?? false;
    return typeof value === "boolean" ? value : this.refuse(field, "not true or false");
  }

  count(field: string): number | null {
    const value = this.get(field);
    if (value === undefined) return null;
    const whole = typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= 1_000_000_000;
    return whole ? value : this.refuse(field, "not a count");
  }

  /** An object in a field; null when there is none. */
  object(field: string): BodyReader | null {
    const value = this.get(field);
    if (value === undefined) return null;
    return isObject(value) ? this.#below(field, value) : this.refuse(field, "not an object");
  }

  /** Objects of a list in a field; none when there is no list. */
  objects(field: string): readonly BodyReader[] {
    const value = this.get(field);
    if (value === undefined) return [];
    if (!isArray(value)) return this.refuse(field, "not a list");
    return value.map((item, index) =>
      isObject(item) ? this.#below(`${field}[${index}]`, item) : this.refuse(`${field}[${index}]`, "not an object"),
    );
  }

  /** A text, or a list of parts that `read` reads; absent is fine where the format says so. */
  parts(field: string, read: (part: BodyReader) => void): void {
    const value = this.get(field);
    if (value === undefined || typeof value === "string") return;
    for (const part of this.objects(field)) read(part);
  }

  /** Notes that the body asks for more than an answer. */
  feature(feature: Feature): void {
    this.features.add(feature);
  }

  #below(field: string, value: JsonObject): BodyReader {
    return new BodyReader(value, this.path === "" ? field : `${this.path}.${field}`, this.features);
  }
}
