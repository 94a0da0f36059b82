import { meets } from "../kernel/allowance.ts";
import type { Allow, Grant } from "../kernel/grant.ts";
import { decodeProvider, decodeProviderRemoval, INFER_DRIVER, TIERS, type Provider } from "../kernel/infer.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import type { GrantedModel } from "../protocol/requests.ts";
import type { Purpose } from "../protocol/statement.ts";
import { Refusal } from "./faults.ts";
import type { State } from "./state.ts";

/** Providers of one home. */
const MOST_PROVIDERS = 64;

/** Purposes of statements about providers. */
export type ProviderPurpose = Extract<Purpose, `${string}-provider`>;

/** The record that a statement about a provider makes; throws a Refusal when the document is not one, or does not fit the state. */
export function providerRecord(
  asked: { readonly purpose: ProviderPurpose; readonly document: JsonObject; readonly key: string },
  state: Pick<State, "providers" | "secrets">,
): RecordBody {
  const { purpose, document, key } = asked;
  if (purpose === "remove-provider") {
    const removal = decodeProviderRemoval(document);
    if (removal.kind !== "ok") return refuseDocument(removal.message);
    const { provider } = removal.value;
    if (!state.providers.has(provider))
      throw new Refusal("unknown-provider", `There is no provider "${provider}".`, "Run `aios providers list`.");
    return { kind: "provider-removed", provider, key };
  }
  const decoded = decodeProvider(document);
  if (decoded.kind !== "ok") return refuseDocument(decoded.message);
  const { provider, secret, to } = decoded.value;
  if (!state.providers.has(provider) && state.providers.size >= MOST_PROVIDERS)
    throw new Refusal("too-many", `This home has ${MOST_PROVIDERS} providers already.`, "Remove one first.");
  if (secret !== null && state.secrets.get(secret)?.bindings.has(to) !== true)
    throw new Refusal("secret-use", `Secret "${secret}" is not set, or not bound to ${to}.`, "Bind it first.");
  return { kind: "provider-set", provider, key };
}

function refuseDocument(message: string): never {
  throw new Refusal("bad-document", `This cannot be signed: ${message}.`, "See docs/formats/statement.md.");
}

/**
 * The models that these grants may let an agent ask, nearest first: local ones, then those of partners, then others. It is a
 * question of form and not an answer: each request is an action of its own afterwards.
 */
export function grantedModels(
  grants: readonly Grant[],
  providers: ReadonlyMap<string, Provider>,
): readonly GrantedModel[] {
  const allows = grants.flatMap(({ allow }) => allow.filter(({ what }) => what.startsWith(`${INFER_DRIVER}/`)));
  const nearest = [...providers.values()].toSorted((a, b) => TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier));
  return nearest.flatMap(({ provider, format, models }) =>
    models
      .filter(({ name }) => allows.some((allow) => names(allow, { provider, model: name })))
      .map(({ name }) => ({ provider, format, model: name })),
  );
}

function names({ where }: Allow, facts: { readonly provider: string; readonly model: string }): boolean {
  return Object.entries(facts).every(([field, value]) => {
    const condition = Object.hasOwn(where, field) ? where[field] : undefined;
    return condition === undefined || meets(value, condition);
  });
}
