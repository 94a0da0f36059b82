import type { Action } from "./action.ts";
import type { Decoded } from "./decoded.ts";
import type { Grant, Label, ToolClass } from "./grant.ts";
import { deepFreeze, type JsonObject, type JsonValue } from "./json.ts";
import { contextExceeded, type ContextFacts } from "./memory-budget.ts";
import { PROVIDER_NAME, SECRET_NAME, SHA256 } from "./names.ts";
import { netPath } from "./net.ts";
import { readDocument, type Place } from "./reading.ts";
import { parseSecretOrigin } from "./secrets.ts";

/** Name of the built-in inference device. No MCP server may have it. */
export const INFER_DRIVER = "infer";

/** What is asked of a model, by the format in which it is asked. `extras` is any of them with a feature that reaches out. */
export const INFER_TOOL_NAMES = ["messages", "chat", "responses", "extras"] as const;
export type InferTool = (typeof INFER_TOOL_NAMES)[number];

/** Endpoints of providers' own wire formats, each with the format that speaks it. */
export const ENDPOINTS = ["messages", "count", "chat", "responses"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** Wire formats: Anthropic's Messages; OpenAI's Chat Completions and Responses. */
export const FORMATS = ["anthropic", "openai"] as const;
export type Format = (typeof FORMATS)[number];

/**
 * Things that a body can ask of a provider beyond an answer: tools that run at its side, addresses that it fetches, files and
 * conversations that it keeps; and a pace or tier with prices of its own, by which a budget of money would count too little.
 */
export const FEATURES = [
  "server-tools",
  "remote-content",
  "stored-files",
  "stored-conversation",
  "other-price",
] as const;
export type Feature = (typeof FEATURES)[number];

/** Who runs a provider: this machine; somebody whom the owner trusts with their words; anybody. Nearest first. */
export const TIERS = ["local", "partner", "public"] as const;
export type Tier = (typeof TIERS)[number];

/** The most that a provider may be shown: what is nobody's, the user's own data, credentials too. Least first. */
export const PRIVACY_CLASSES = ["public", "private", "secret"] as const;
export type PrivacyClass = (typeof PRIVACY_CLASSES)[number];

/** One model of a provider. Prices are millionths of a unit of money for a million tokens. */
export interface Model {
  readonly name: string;
  /** Most tokens that one answer has. */
  readonly output: number;
  readonly price: { readonly input: number; readonly output: number } | null;
}

/** A provider as an owner signed it. */
export interface Provider {
  readonly provider: string;
  readonly format: Format;
  /** Origin, and the path before the format's own (`/v1/messages`, `/chat/completions`, `/responses`). */
  readonly to: string;
  readonly path: string;
  readonly tier: Tier;
  readonly class: PrivacyClass;
  readonly models: readonly Model[];
  /** The secret that its requests carry, which must be bound to its origin; null for one that needs none. */
  readonly secret: string | null;
}

/** Tokens and money: an estimate before a request, the provider's own count afterwards. Money is millionths of a unit. */
export interface Spent {
  readonly input: number;
  readonly output: number;
  readonly cost: number;
}

/** How much a grant lets be spent in all; null is no limit. */
export interface Budget {
  readonly input: number | null;
  readonly output: number | null;
  readonly cost: number | null;
}

/** One request to a model as it is decided. The body is not part of the action: what the action says of it is checked outside. */
export interface InferCall {
  readonly tool: InferTool;
  readonly provider: string;
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly stream: boolean;
  /** Most tokens of the answer, as the request says; null when it does not. */
  readonly maxOutput: number | null;
  /** An estimate of the tokens of the body. */
  readonly inputTokens: number;
  readonly features: readonly Feature[];
  /** Length and digest of the body. */
  readonly bytes: number;
  readonly body: string;
  /** Of the client's headers those that say a version of the format. */
  readonly headers: readonly (readonly [string, string])[];
}

const FIELDS = {
  provider: "string",
  model: "string",
  endpoint: "string",
  maxOutput: "long",
  inputTokens: "long",
} as const;
const plain: ToolClass = { risk: "infer", labels: [], fields: FIELDS, recipients: {} };

/**
 * The classes of the inference device, compiled in. `extras` makes the provider reach out or keep something, so it is
 * reserved, and since its body is no part of the action and nobody can be shown it, it runs under a lease or not at all;
 * the others are model calls within the provider's privacy class (DESIGN 5).
 */
export const INFER_TOOLS: { readonly [tool in InferTool]: ToolClass } = deepFreeze({
  messages: plain,
  chat: plain,
  responses: plain,
  extras: { risk: "reserved", labels: ["untrusted"], fields: { ...FIELDS, features: "strings" }, recipients: {} },
});

const MODEL = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/;
const MOST_TOKENS = 1_000_000_000;
const MOST_BODY = 32 * 1024 * 1024;
const INFER_HEADERS: readonly string[] = ["anthropic-version", "anthropic-beta", "openai-beta"];

/** The strict decoder of what the inference device is asked for. */
export function decodeInferCall(name: string, args: JsonObject): Decoded<InferCall> {
  return readDocument(args, (place) => {
    const at = place.fields(
      "provider",
      "model",
      "endpoint",
      "stream",
      "maxOutput",
      "inputTokens",
      "features",
      "bytes",
      "body",
      "headers",
    );
    const tool = INFER_TOOL_NAMES.find((each) => each === name) ?? place.fail("no tool of the inference device");
    const endpoint = at("endpoint").oneOf(ENDPOINTS);
    const features = at("features").names(FEATURES.length, (feature) => feature.oneOf(FEATURES));
    const wanted = features.length > 0 ? "extras" : endpoint === "count" ? "messages" : endpoint;
    if (tool !== wanted) place.fail(`not what ${tool} is for`);
    return {
      tool,
      provider: at("provider").text(PROVIDER_NAME, "the name of a provider"),
      model: at("model").text(MODEL, "the name of a model"),
      endpoint,
      stream: at("stream").bool(),
      maxOutput: at("maxOutput").orNull((count) => count.whole(0, MOST_TOKENS)),
      inputTokens: at("inputTokens").whole(0, MOST_TOKENS),
      features,
      bytes: at("bytes").whole(0, MOST_BODY),
      body: at("body").text(SHA256, "a digest"),
      headers: at("headers").list(INFER_HEADERS.length, readHeader),
    };
  });
}

function readHeader(place: Place): readonly [string, string] {
  const [name, value] = place.list(2, (part) => part);
  if (name === undefined || value === undefined) return place.fail("not a name and a value");
  return [
    name.oneOf(INFER_HEADERS),
    value.text(/^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/, "a header's value"),
  ];
}

/** The strict decoder of the document that is signed to register a provider. */
export function decodeProvider(value: JsonValue): Decoded<Provider> {
  return readDocument(value, (place) => {
    const at = place.fields("provider", "format", "to", "path", "tier", "class", "models", "secret");
    const to = at("to").text(/^[\x21-\x7e]{1,300}$/, "an origin");
    const origin = parseSecretOrigin(to);
    if (origin === null) return at("to").fail("not https to a host name, nor http to localhost");
    const tier = at("tier").oneOf(TIERS);
    // Elsewhere is not local, whoever runs it: what is sent there has left this machine.
    if ((tier === "local") !== (origin.host === "localhost"))
      at("tier").fail("local is this machine, and nothing else is");
    const path = at("path").text(/^(?:\/[\x21-\x7e]{1,255})?$/, "a path, or the empty text");
    if (path !== "" && netPath(path) !== path) at("path").fail("a path with more than one reading");
    const models = at("models").list(64, readModel);
    if (models.length === 0) at("models").fail("no model is named");
    if (new Set(models.map(({ name }) => name)).size < models.length) at("models").fail("a model a second time");
    return {
      provider: at("provider").text(PROVIDER_NAME, "the name of a provider"),
      format: at("format").oneOf(FORMATS),
      to,
      path,
      tier,
      class: at("class").oneOf(PRIVACY_CLASSES),
      models,
      secret: at("secret").orNull((name) => name.text(SECRET_NAME, "the name of a secret")),
    };
  });
}

function readModel(place: Place): Model {
  const at = place.fields("name", "output", "price");
  const price = at("price").orNull((each) => {
    const of = each.fields("input", "output");
    return { input: of("input").whole(0, 1e12), output: of("output").whole(0, 1e12) };
  });
  return { name: at("name").text(MODEL, "the name of a model"), output: at("output").whole(1, MOST_TOKENS), price };
}

/** Reads what a grant lets be spent. */
export function readBudget(place: Place): Budget {
  const at = place.fields("input", "output", "cost");
  return {
    input: at("input").orNull(readAmount),
    output: at("output").orNull(readAmount),
    cost: at("cost").orNull(readAmount),
  };
}

function readAmount(place: Place): number {
  return place.whole(1, Number.MAX_SAFE_INTEGER);
}

/** The document of `remove-provider`. */
export function decodeProviderRemoval(value: JsonValue): Decoded<{ readonly provider: string }> {
  return readDocument(value, (place) => ({
    provider: place.fields("provider")("provider").text(PROVIDER_NAME, "the name of a provider"),
  }));
}

/** The path of an endpoint at a provider; null when it does not speak that format. */
export function endpointPath(provider: Pick<Provider, "format" | "path">, endpoint: Endpoint): string | null {
  const formats: { readonly [each in Endpoint]: readonly [Format, string] } = {
    messages: ["anthropic", "/v1/messages"],
    count: ["anthropic", "/v1/messages/count_tokens"],
    chat: ["openai", "/chat/completions"],
    responses: ["openai", "/responses"],
  };
  const [format, path] = formats[endpoint];
  return format === provider.format ? `${provider.path}${path}` : null;
}

/** What a request is expected to spend at most: all that its body holds, and all that its answer may have. */
export function estimate(call: InferCall, model: Model): Spent {
  const output = call.endpoint === "count" ? 0 : (call.maxOutput ?? model.output);
  const input = call.endpoint === "count" ? 0 : call.inputTokens;
  return { input, output, cost: costOf(model, { input, output }) };
}

/** Money for tokens, rounded up. */
export function costOf({ price }: Model, spent: { readonly input: number; readonly output: number }): number {
  if (price === null) return 0;
  return Math.ceil((spent.input * price.input + spent.output * price.output) / 1_000_000);
}

/** The class of an instance's data: the most that it has taken in, or sees in its workspace. */
export function dataClass(labels: readonly Label[], seesWorkspace: boolean): PrivacyClass {
  if (labels.includes("secret")) return "secret";
  return labels.includes("private") || seesWorkspace ? "private" : "public";
}

/** Whether a provider may be shown data of a class. */
export function mayShow(provider: Pick<Provider, "class">, data: PrivacyClass): boolean {
  return PRIVACY_CLASSES.indexOf(data) <= PRIVACY_CLASSES.indexOf(provider.class);
}

/** Labels that an instance collects with an answer: words of a model that anybody runs are words from outside. */
export function answerLabels({ tier }: Pick<Provider, "tier">): readonly Label[] {
  return tier === "public" ? ["untrusted"] : [];
}

/** Whether a grant has enough left for a request, each comparison asking whether the budget surely holds (ERRORS-DENY). */
export function withinBudget({ limits }: Grant, spent: Spent, more: Spent): "limit-tokens" | "limit-cost" | null {
  const { budget } = limits;
  if (budget === undefined) return null;
  if (!fits(budget.input, spent.input + more.input) || !fits(budget.output, spent.output + more.output))
    return "limit-tokens";
  return fits(budget.cost, spent.cost + more.cost) ? null : "limit-cost";
}

function fits(most: number | null, sum: number): boolean {
  return most === null || sum <= most;
}

/** The registry as a decision sees it, and what the acting instance has before it. */
export interface InferFacts {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly seesWorkspace: boolean;
  readonly context: ContextFacts;
}

/** Why a request is kept from a model. */
export interface KeptFromModel {
  readonly code: "unknown-provider" | "privacy-class" | "context-full";
  readonly by: string;
}

/** What speaks against a request to a model, whatever grants say: null, or the code and what it is about. */
export function checkInfer(
  call: InferCall,
  { providers, seesWorkspace, context }: InferFacts,
  labels: readonly Label[],
): KeptFromModel | null {
  const provider = providers.get(call.provider);
  if (provider === undefined) return unknown(call.provider);
  if (endpointPath(provider, call.endpoint) === null)
    return unknown(`${call.provider} does not speak ${call.endpoint}`);
  if (!provider.models.some(({ name }) => name === call.model)) return unknown(`${call.provider} has no ${call.model}`);
  const data = dataClass(labels, seesWorkspace);
  if (!mayShow(provider, data))
    return { code: "privacy-class", by: `${call.provider} may see ${provider.class} data, this is ${data}` };
  const exceeded = contextExceeded(call, context);
  return exceeded === null ? null : { code: "context-full", by: exceeded };
}

function unknown(by: string): KeptFromModel {
  return { code: "unknown-provider", by };
}

/** What an action is expected to spend at most; nothing to say for one that asks no model. */
export function expectedSpent(
  action: Action,
  { providers }: Pick<InferFacts, "providers">,
): { readonly spent?: Spent } {
  if (action.driver !== INFER_DRIVER || action.verb !== "call") return {};
  const call = decodeInferCall(action.name, action.arguments);
  const model =
    call.kind === "ok"
      ? providers.get(call.value.provider)?.models.find(({ name }) => name === call.value.model)
      : undefined;
  // What cannot be estimated fits no budget.
  if (call.kind !== "ok" || model === undefined) return { spent: { input: NaN, output: NaN, cost: NaN } };
  return { spent: estimate(call.value, model) };
}
