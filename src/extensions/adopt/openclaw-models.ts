import { parseHttpUrl } from "../../kernel/hosts.ts";
import { isArray, isObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { tableAt, textAt, valueAt } from "../scan/configuration.ts";
import type { MovedKey } from "./moved-keys.ts";

/** A provider of models as a file for `aios providers add` has it. */
export interface ProviderFile {
  readonly provider: string;
  readonly format: "anthropic" | "openai";
  readonly url: string;
  readonly tier: "local" | "partner" | "public";
  readonly class: "private";
  readonly secret?: string;
  readonly models: { readonly [name: string]: ProvidedModel };
}

interface ProvidedModel {
  readonly output: number;
  /** Of a million tokens; left out where the configuration says none, or says that they cost nothing. */
  readonly price?: { readonly input: number; readonly output: number };
}

/** What becomes of the models of a configuration. */
export interface ModelsAdopted {
  readonly providers: readonly ProviderFile[];
  /** Entries of `models.providers` that ask the substrate instead. */
  readonly entries: JsonObject;
  /** Places of keys that providers carry from now on. */
  readonly used: ReadonlySet<MovedKey>;
  readonly notes: readonly string[];
}

/** Where the substrate serves models inside a sandbox (docs/decisions/inference.md), as each format's clients are told it. */
const ENDPOINT = { anthropic: "http://127.0.0.1:3129", openai: "http://127.0.0.1:3129/v1" } as const;
const FORMATS: ReadonlyMap<string, ProviderFile["format"]> = new Map([
  ["anthropic-messages", "anthropic"],
  ["openai-completions", "openai"],
  ["openai-responses", "openai"],
]);
/** Providers that OpenClaw knows by itself, with the variable that their key is in. */
const BUILT_IN: ReadonlyMap<string, { readonly url: string; readonly api: string; readonly variable: string }> =
  new Map([
    ["anthropic", { url: "https://api.anthropic.com", api: "anthropic-messages", variable: "ANTHROPIC_API_KEY" }],
    ["openai", { url: "https://api.openai.com/v1", api: "openai-responses", variable: "OPENAI_API_KEY" }],
  ]);
const PROVIDER = /^[a-z][a-z0-9-]{0,30}$/u;
const MODEL = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/u;
const USUAL_OUTPUT = 32_000;
const MOST_MODELS = 64;

/** Turns the providers of a configuration, whose keys were taken out already, into ones that the substrate asks. Pure. */
export function adoptModels(table: JsonObject, keys: readonly MovedKey[]): ModelsAdopted {
  const written = tableAt(table, ["models", "providers"]);
  const named = modelNames(table);
  const names = new Set([...Object.keys(written), ...[...named.keys()].filter((name) => BUILT_IN.has(name))]);
  const providers: ProviderFile[] = [];
  const entries: { [name: string]: JsonValue } = {};
  const used = new Set<MovedKey>();
  const notes: string[] = [];
  for (const name of names) {
    const entry = tableAt(written, [name]);
    const known = BUILT_IN.get(name);
    const api = textAt(entry, ["api"]) ?? known?.api ?? "openai-completions";
    const format = FORMATS.get(api);
    const address = textAt(entry, ["baseUrl"]) ?? known?.url ?? "";
    const url = plainUrl(address);
    const models = modelsOf(entry, named.get(name) ?? []);
    const why = !PROVIDER.test(name)
      ? "its name is none that the substrate can give"
      : format === undefined
        ? `it speaks ${api}, which the substrate does not`
        : url === null
          ? whyNoUrl(address)
          : Object.keys(models).length === 0
            ? "no model of it is named"
            : null;
    if (why !== null || format === undefined || url === null) {
      notes.push(`models of ${name} are not set up: ${why ?? ""}`);
      continue;
    }
    const key = keys.find(
      ({ place, variable }) =>
        place.join("\0") === ["models", "providers", name, "apiKey"].join("\0") ||
        (place[0] === "env" && variable === known?.variable),
    );
    if (key !== undefined) used.add(key);
    const secret = key === undefined ? {} : { secret: key.secret };
    providers.push({ provider: name, format, url, tier: tierOf(name, url), class: "private", ...secret, models });
    const kept = Array.isArray(entry["models"]) ? entry["models"] : Object.keys(models).map((id) => ({ id, name: id }));
    entries[name] = { baseUrl: ENDPOINT[format], apiKey: "none-is-needed", api, models: kept };
  }
  return { providers, entries, used, notes };
}

/** Models that agents are told to use (`provider/model`), by provider. */
function modelNames(table: JsonObject): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = (value: JsonValue | undefined): void => {
    if (typeof value === "string") {
      const [, provider, model] = /^([^/]+)\/(.+)$/u.exec(value) ?? [];
      if (provider !== undefined && model !== undefined) found.set(provider, [...(found.get(provider) ?? []), model]);
    } else if (value !== undefined && isArray(value)) for (const each of value) add(each);
    else if (value !== undefined && isObject(value)) for (const each of Object.values(value)) add(each);
  };
  const defaults = tableAt(table, ["agents", "defaults"]);
  add(defaults["model"]);
  for (const name of Object.keys(tableAt(defaults, ["models"]))) add(name);
  return found;
}

function modelsOf(entry: JsonObject, named: readonly string[]): ProviderFile["models"] {
  const listed = valueAt(entry, ["models"]);
  const own = (listed !== undefined && isArray(listed) ? listed : []).flatMap(
    (each): (readonly [string, ProvidedModel])[] => {
      const id = textAt(each, ["id"]);
      return id === null ? [] : [[id, { output: wholeAt(each, ["maxTokens"]) ?? USUAL_OUTPUT, ...priceOf(each) }]];
    },
  );
  const all = new Map([...named.map((name) => [name, { output: USUAL_OUTPUT }] as const), ...own]);
  return Object.fromEntries([...all].filter(([name]) => MODEL.test(name)).slice(0, MOST_MODELS));
}

function wholeAt(value: JsonValue, path: readonly string[]): number | null {
  const found = valueAt(value, path);
  return typeof found === "number" && Number.isSafeInteger(found) && found > 0 && found <= 1_000_000_000 ? found : null;
}

function priceOf(model: JsonValue): Pick<ProvidedModel, "price"> {
  const [input, output] = ["input", "output"].map((name) => valueAt(model, ["cost", name]));
  return isPrice(input) && isPrice(output) ? { price: { input, output } } : {};
}

function isPrice(price: JsonValue | undefined): price is number {
  return typeof price === "number" && price > 0 && price <= 1_000_000;
}

/** An address that a provider can be registered with: no user, query or fragment, and this machine by its name. */
function plainUrl(text: string): string | null {
  const url = text.replace(/^http:\/\/(?:127\.0\.0\.1|\[::1\])(?=[:/]|$)/u, "http://localhost").replace(/\/+$/u, "");
  return /[?#@\s]/u.test(url) || parseHttpUrl(url) === null ? null : url;
}

/** Why an address is none that a provider can be registered with. What may hold a secret is not repeated. */
function whyNoUrl(text: string): string {
  if (text === "") return "no address of it is named";
  if (/[?#@\s]/u.test(text))
    return "its address has a user, a query, a fragment or a space in it, and is one of host and path alone";
  return `its address ${text} is neither https to a host name nor http to this machine`;
}

function tierOf(name: string, url: string): ProviderFile["tier"] {
  if (url.startsWith("http://")) return "local";
  return BUILT_IN.get(name)?.url === url ? "partner" : "public";
}
