import {
  FEATURES,
  FORMATS,
  INFER_DRIVER,
  PRIVACY_CLASSES,
  TIERS,
  type Feature,
  type Provider,
} from "../kernel/infer.ts";
import type { Allow, Condition } from "../kernel/grant.ts";
import { parseHttpUrl } from "../kernel/hosts.ts";
import type { JsonValue } from "../kernel/json.ts";
import { decode, integer, list, names, nullable, number, object, oneOf, record, refine, text } from "./decode.ts";
import type { DecodeResult, Decoder } from "./decode.ts";
import { providerName, secretName } from "./fields.ts";

/** Any count of tokens that there may be. */
const ANY: Condition = { max: 1_000_000_000 };
/** Millionths of a unit of money. */
const MILLION = 1_000_000;
const model = text({ min: 1, max: 128, pattern: /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/, is: "the name of a model" });
const tokens = integer({ min: 1, max: 1_000_000_000 });
const money = refine(number(), (value) =>
  value >= 0 && value <= 1_000_000 && Number.isSafeInteger(Math.round(value * MILLION))
    ? null
    : "is no amount of money",
);

/** Models of one provider as people write them in a grant. */
export interface ShortInference {
  readonly provider: string;
  readonly models: readonly string[];
  /** Most tokens that one request may hold, by estimate; null is no limit. */
  readonly context: number | null;
  /** Most tokens that one answer may have; null is no limit. */
  readonly output: number | null;
  /** What may be asked for beyond an answer, under a lease only. */
  readonly features: readonly Feature[];
}

/** Reads the models of a short grant. */
export const INFERENCE: Decoder<readonly ShortInference[]> = list(
  object<ShortInference>(
    {
      provider: providerName,
      models: names(model, { min: 1, max: 64 }),
      context: nullable(tokens),
      output: nullable(tokens),
      features: names(oneOf(FEATURES), { max: FEATURES.length }),
    },
    { defaults: { context: null, output: null, features: [] } },
  ),
  { max: 16 },
);

/** What models of a provider mean in a grant. */
export function inferenceAllows({ provider, models, context, output, features }: ShortInference): readonly Allow[] {
  const where: { [field: string]: Condition } = { provider: { equals: provider }, model: { in: models } };
  if (context !== null) where["inputTokens"] = { max: context };
  if (output !== null) where["maxOutput"] = { max: output };
  const plain = ["messages", "chat", "responses"].map((tool) => ({ what: `${INFER_DRIVER}/${tool}`, where }));
  if (features.length === 0) return plain;
  // It runs under a lease only, and a lease says something about everything (FLOOR).
  const every = { endpoint: { in: ["messages", "chat", "responses"] }, inputTokens: ANY, maxOutput: ANY };
  return [...plain, { what: `${INFER_DRIVER}/extras`, where: { ...every, ...where, features: { in: features } } }];
}

/** What may be spent in all, as people write it. Money is in the unit that providers' prices are in. */
export interface ShortBudget {
  readonly input: number | null;
  readonly output: number | null;
  readonly cost: number | null;
}

/** Reads a budget; money becomes millionths. */
export const BUDGET: Decoder<ShortBudget> = (value, refusal) => {
  const count = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const read = object<ShortBudget>(
    { input: nullable(count), output: nullable(count), cost: nullable(money) },
    { defaults: { input: null, output: null, cost: null } },
  )(value, refusal);
  if (!("cost" in read)) return read;
  return { ...read, cost: read.cost === null ? null : Math.round(read.cost * MILLION) };
};

interface WrittenModel {
  readonly output: number;
  readonly price: { readonly input: number; readonly output: number } | null;
}
interface WrittenProvider extends Omit<Provider, "to" | "path" | "models"> {
  readonly url: string;
  readonly models: { readonly [name: string]: WrittenModel };
}

const WRITTEN: Decoder<WrittenProvider> = object<WrittenProvider>(
  {
    provider: providerName,
    format: oneOf(FORMATS),
    url: refine(text({ max: 512, pattern: /^[!-~]+$/, is: "a URL" }), (url) =>
      parseHttpUrl(url) === null ? "is neither https to a host name, nor http to this machine" : null,
    ),
    tier: oneOf(TIERS),
    class: oneOf(PRIVACY_CLASSES),
    models: record(
      object<WrittenModel>(
        { output: tokens, price: nullable(object({ input: money, output: money })) },
        { defaults: { price: null } },
      ),
      { key: /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/, min: 1, max: 64 },
    ),
    secret: nullable(secretName),
  },
  { defaults: { secret: null } },
);

/** Decodes a provider as people write it; the kernel has the last word on what it means (`decodeProvider`). */
export function decodeShortProvider(value: JsonValue): DecodeResult<Provider> {
  const written = decode(WRITTEN, value);
  if (written.kind === "refused") return written;
  const { url, models, ...rest } = written.value;
  const [, to = "", path = ""] = /^(https?:\/\/[^/]+)(\/.*)?$/.exec(url) ?? [];
  return {
    kind: "ok",
    value: {
      ...rest,
      to,
      path: path.replace(/\/$/, ""),
      models: Object.entries(models).map(([name, { output, price }]) => ({ name, output, price: millionths(price) })),
    },
  };
}

function millionths(price: WrittenModel["price"]): WrittenModel["price"] {
  if (price === null) return null;
  return { input: Math.round(price.input * MILLION), output: Math.round(price.output * MILLION) };
}
