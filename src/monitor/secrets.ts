import { gitOrigin, gitPlaceOf } from "../kernel/git-ssh.ts";
import type { Allow, Grant } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import { decodeSecret, reachesEndpoint, type LoginTerms } from "../kernel/secret-document.ts";
import {
  decodeBinding,
  decodeRemoval,
  type Binding,
  type BindingTerms,
  type Injection,
  type SecretUse,
} from "../kernel/secrets.ts";
import { decodeSshBinding, isNeededBy, isSshTarget } from "../kernel/ssh-binding.ts";
import type { Purpose } from "../protocol/statement.ts";
import type { SecretView } from "../protocol/requests.ts";
import type { RecordBody } from "../protocol/record.ts";
import { Refusal } from "./faults.ts";
import type { InstanceState, SecretState, State } from "./state.ts";
import type { Vault } from "./vault.ts";
import { usableGrants } from "./visible.ts";

/** Secrets of one home. */
const MOST_SECRETS = 256;
/** Destinations of one secret. */
const MOST_BINDINGS = 16;

/** Purposes of statements about secrets. */
export type SecretPurpose = Extract<Purpose, `${string}-secret`>;

/** The record that a statement about a secret makes; throws a Refusal when the document is not one, or does not fit the state. */
export function secretRecord(
  asked: { readonly purpose: SecretPurpose; readonly document: JsonObject; readonly key: string },
  { state, vault }: { readonly state: Pick<State, "secrets">; readonly vault: Pick<Vault, "isDeposited"> },
): RecordBody {
  const { purpose, document, key } = asked;
  if (purpose === "bind-secret") {
    if (isSshTarget(document["to"])) return { kind: "secret-bound", key, ...boundKey(state, document) };
    const binding = decodeBinding(document);
    if (binding.kind !== "ok") return refuseDocument(binding.message);
    const { secret, to } = binding.value;
    const { bindings, login } = known(state, secret);
    refuseEndpoint(login, [binding.value]);
    refuseMore(secret, to, bindings);
    return { kind: "secret-bound", secret, to, key };
  }
  if (purpose === "remove-secret") {
    const removal = decodeRemoval(document);
    if (removal.kind !== "ok") return refuseDocument(removal.message);
    return { kind: "secret-removed", secret: known(state, removal.value.secret).secret, key };
  }
  const set = decodeSecret(document);
  if (set.kind !== "ok") return refuseDocument(set.message);
  const { secret, commitment } = set.value;
  const login = set.value.kind === "oauth" ? set.value.login : null;
  if (purpose === "rotate-secret") refuseEndpoint(login, [...known(state, secret).bindings.values()]);
  else if (state.secrets.has(secret))
    throw new Refusal(
      "secret-exists",
      `A secret "${secret}" is set already.`,
      `Change it: aios secrets rotate ${secret}`,
    );
  else if (state.secrets.size >= MOST_SECRETS)
    throw new Refusal("too-many", `This home has ${MOST_SECRETS} secrets already.`, "Remove one first.");
  if (!vault.isDeposited(commitment))
    throw new Refusal("no-value", "The value that this statement commits to was not handed in.", "Set it again.");
  return { kind: purpose === "set-secret" ? "secret-set" : "secret-rotated", secret, commitment, key };
}

/** What is recorded of a key's binding to a place of git; two keys for one repository are refused, since either could be meant. */
function boundKey(
  state: Pick<State, "secrets">,
  document: JsonObject,
): { readonly secret: string; readonly to: string } {
  const binding = decodeSshBinding(document);
  if (binding.kind !== "ok") return refuseDocument(binding.message);
  const { secret, to, paths } = binding.value;
  refuseMore(secret, to, known(state, secret).ssh);
  for (const other of state.secrets.values()) {
    const path = other.secret === secret ? undefined : other.ssh.get(to)?.paths.find((each) => paths.includes(each));
    if (path === undefined) continue;
    const message = `The key "${other.secret}" is bound to ${path} of ${to} already.`;
    throw new Refusal("secret-use", message, "Name other repositories, or remove that key.");
  }
  return { secret, to };
}

function refuseMore(secret: string, to: string, bindings: ReadonlyMap<string, unknown>): void {
  if (bindings.size < MOST_BINDINGS || bindings.has(to)) return;
  const message = `Secret "${secret}" has ${MOST_BINDINGS} destinations already.`;
  throw new Refusal("too-many", message, "Set another one.");
}

function known(state: Pick<State, "secrets">, secret: string): NonNullable<ReturnType<State["secrets"]["get"]>> {
  const found = state.secrets.get(secret);
  if (found === undefined)
    throw new Refusal("unknown-secret", `There is no secret "${secret}".`, "Run `aios secrets list`.");
  return found;
}

/** The endpoint of a login answers with tokens, so no request of an agent may carry the login there. */
function refuseEndpoint(login: LoginTerms | null, bindings: readonly Binding[]): void {
  if (login === null || !bindings.some((binding) => reachesEndpoint(binding, login))) return;
  throw new Refusal(
    "secret-use",
    `A binding would let agents ask ${login.endpoint}, where the tokens are renewed.`,
    "Bind it to a path that the endpoint is not below.",
  );
}

function refuseDocument(message: string): never {
  throw new Refusal("bad-document", `This cannot be signed: ${message}.`, "See docs/formats/statement.md.");
}

/** Why a grant's secrets cannot be used as it says, or null: a mistake that nobody would see later. */
export function secretUseProblem(
  state: Pick<State, "secrets">,
  uses: { readonly [variable: string]: SecretUse },
): string | null {
  for (const { secret, to } of Object.values(uses)) {
    const found = state.secrets.get(secret);
    if (found === undefined) return `there is no secret "${secret}"`;
    if (!found.bindings.has(to)) return `secret "${secret}" is not bound to ${to}`;
  }
  return null;
}

/** Why what a grant needs of secrets is not there, or null. */
export function secretProblem(state: Pick<State, "secrets">, { sandbox, allow }: Grant): string | null {
  return secretUseProblem(state, sandbox.secrets ?? {}) ?? gitKeyProblem(state, allow);
}

/** Why a grant's git over SSH cannot work, or null: no key is bound to what one of its allowances names. */
function gitKeyProblem(state: Pick<State, "secrets">, allows: readonly Allow[]): string | null {
  for (const allow of allows) {
    const place = gitPlaceOf(allow);
    if (place === null) continue;
    const keys = [...state.secrets.values()].flatMap(({ ssh }) => [...ssh.values()]);
    if (!keys.some((binding) => isNeededBy(binding, allow)))
      return `no key is bound to ${gitOrigin(place)} for that repository`;
  }
  return null;
}

/** The secrets that an agent's grants in force give it, by variable. One that two grants name differently is given to neither. */
export function grantedSecrets(state: State, agent: string, now: number): ReadonlyMap<string, SecretUse> {
  const uses = new Map<string, SecretUse>();
  const torn = new Set<string>();
  for (const { sandbox } of usableGrants(state, agent, now)) {
    for (const [variable, use] of Object.entries(sandbox.secrets ?? {})) {
      const other = uses.get(variable);
      if (other !== undefined && !sameUse(other, use)) torn.add(variable);
      uses.set(variable, use);
    }
  }
  for (const variable of torn) uses.delete(variable);
  return uses;
}

/** The same for an instance: what it and everyone above it was granted (CHILD-LESS). */
export function secretsOf(state: State, acting: InstanceState, now: number): ReadonlyMap<string, SecretUse> {
  const own = grantedSecrets(state, acting.agent, now);
  const above = acting.ancestry.map((id) => {
    const agent = state.instances.get(id)?.agent;
    return agent === undefined ? [] : [...grantedSecrets(state, agent, now).values()];
  });
  return new Map([...own].filter(([, use]) => above.every((uses) => uses.some((each) => sameUse(each, use)))));
}

/** What may be injected for an instance now. */
export function injectionsOf(
  { state, vault, now }: { readonly state: State; readonly vault: Pick<Vault, "placeholder">; readonly now: number },
  acting: InstanceState,
): readonly Injection[] {
  const wanted = [...secretsOf(state, acting, now).values()];
  return wanted.flatMap(({ secret, to }): Injection[] => {
    const binding = state.secrets.get(secret)?.bindings.get(to);
    return binding === undefined ? [] : [{ ...binding, placeholder: vault.placeholder(acting.agent, secret) }];
  });
}

function sameUse(a: SecretUse, b: SecretUse): boolean {
  return a.secret === b.secret && a.to === b.to;
}

/** What is told of a secret. */
export function secretView({ secret, since, key, bindings, ssh, login }: SecretState): SecretView {
  const shown = [...bindings.values()].map((binding): BindingTerms => {
    const { secret: _, ...terms } = binding;
    return terms;
  });
  const places = [...ssh.values()].map(({ to, paths, hostKeys }) => ({ to, paths, hostKeys }));
  return { secret, since, key, bindings: shown, ssh: places, endpoint: login?.endpoint ?? null };
}
