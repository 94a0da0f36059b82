import type { Allow, Condition, Limits } from "../kernel/grant.ts";
import { INFER_DRIVER, type Provider, type Tier } from "../kernel/infer.ts";
import type { Tone } from "./line.ts";
import { makeVisible } from "./visible.ts";

const WHO: { readonly [tier in Tier]: string } = {
  local: "this machine",
  partner: "somebody whom you trust with your words",
  public: "anybody; its answers count as words from outside",
};

/** A provider as a person decides on it: every field of the document that is signed occurs (SHOWN-SIGNED-RUN). */
export function describeProvider(provider: Provider): readonly string[] {
  const { to, path, format, tier, models, secret } = provider;
  return [
    `provider ${provider.provider} at ${makeVisible(`${to}${path}`)}, format ${format}`,
    `  run by ${WHO[tier]} (${tier})`,
    `  may see ${provider.class} data${provider.class === "public" ? " only" : ""}`,
    `  ${secret === null ? "needs no key" : `its requests carry the secret ${secret}`}`,
    ...models.map(({ name, output, price }) => {
      const cost =
        price === null
          ? "no price"
          : `${showMoney(price.input)} in and ${showMoney(price.output)} out for a million tokens`;
      return `  model ${makeVisible(name)}: answers of at most ${output} tokens, ${cost}`;
    }),
  ];
}

/** Whether an allowance is one of the inference device's tools. */
export function isInferenceAllow(allow: Allow): boolean {
  return allow.what.startsWith(`${INFER_DRIVER}/`);
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["provider", "provider"],
  ["model", "model"],
  ["inputTokens", "a request of"],
  ["maxOutput", "an answer of"],
  ["features", "with"],
  ["endpoint", "by"],
]);

/** One allowance of models, with every condition of it in words: what is not said may be anything. */
export function describeInferenceAllow(allow: Allow, lease: boolean): { readonly tone: Tone; readonly text: string } {
  const extras = allow.what === `${INFER_DRIVER}/extras`;
  const format = allow.what.slice(INFER_DRIVER.length + 1);
  const expected = ["provider", "model", ...(extras ? ["features"] : [])];
  const fields = [...new Set([...expected, ...Object.keys(allow.where)])].map((field) => {
    const condition = Object.hasOwn(allow.where, field) ? allow.where[field] : undefined;
    const name = NAMES.get(field) ?? makeVisible(field);
    return condition === undefined ? `any ${name}` : `${name} ${plain(condition)}`;
  });
  const what = extras ? "ask a model and its provider's own tools, files or fetches" : `ask a model (${format})`;
  if (lease) return { tone: "good", text: `${what}: ${fields.join(", ")}: runs without asking: this is a lease` };
  return extras
    ? { tone: "bad", text: `${what}: ${fields.join(", ")}: denied, since nobody can be shown it: sign a lease` }
    : { tone: "good", text: `${what}: ${fields.join(", ")}: runs, within the provider's privacy class` };
}

/** What may be spent, in words; none when there is no budget. */
export function describeBudget({ budget }: Limits): readonly string[] {
  if (budget === undefined) return [];
  const { input, output, cost } = budget;
  const parts = [
    ...(input === null ? [] : [`${input} tokens asked`]),
    ...(output === null ? [] : [`${output} tokens answered`]),
    ...(cost === null ? [] : [`${showMoney(cost)} of money`]),
  ];
  return parts.length === 0 ? ["models: nothing is limited"] : [`models: at most ${parts.join(", ")} in all`];
}

/** Millionths of a unit of money as a plain number of units. */
export function showMoney(millionths: number): string {
  return String(millionths / 1_000_000);
}

function plain(condition: Condition): string {
  if ("equals" in condition) return makeVisible(String(condition.equals));
  if ("in" in condition) return condition.in.map(makeVisible).join(" or ");
  if ("under" in condition) return `${makeVisible(condition.under)} and below`;
  return `at most ${condition.max} tokens`;
}
