import { forwardsOf, type Forward } from "../kernel/forwards.ts";
import { gitPlacesOf, MOST_GIT_PLACES, type GitPlace } from "../kernel/git-ssh.ts";
import { FORMATS, type Format } from "../kernel/infer.ts";
import { isNeededBy } from "../kernel/ssh-binding.ts";
import type { Injection, SecretUse } from "../kernel/secrets.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import { keyOf } from "./carrier.ts";
import { Refusal } from "./faults.ts";
import { sshBindings } from "./git-device.ts";
import type { LiveInstance } from "./live.ts";
import { networkOf, type GrantedNetwork } from "./network-environment.ts";
import type { MonitorPowers } from "./powers.ts";
import { grantedModels } from "./providers.ts";
import { injectionsOf, secretsOf } from "./secrets.ts";
import type { InstanceState, State } from "./state.ts";
import type { Vault } from "./vault.ts";
import { comingGrants } from "./visible.ts";

/** Destinations of secrets that one instance may have: a face has a channel to the injector of each. */
const MOST_INJECTORS = 12;

/** What an instance is started with to reach the network. Its ends are the caller's, who closes them. */
export interface AgentNetwork {
  readonly network: GrantedNetwork;
  /** Formats of the models that it may ask. */
  readonly formats: readonly Format[];
  /** Placeholders by variable. */
  readonly secrets: { readonly [variable: string]: string };
  /** The launcher's end of the pair over which it hands out the listener of the proxy, and the face's. */
  readonly listener: { readonly launcher: SocketEnd; readonly face: SocketEnd } | null;
  /** Ports inside that lead to one service each. */
  readonly forwards: readonly Forward[];
  /** Accounts whose repositories its git finds. */
  readonly git: readonly GitPlace[];
  /** The face's ends of the channels to injectors, in the order of `via`. */
  readonly injectors: readonly SocketEnd[];
}

/**
 * Prepares the network of an instance that starts, by its grants now. The injectors' ends stay with the instance until they
 * are started. Throws a Refusal when it has more secrets than fit, or when its forwards contradict each other.
 */
export function prepareNetwork(
  live: LiveInstance,
  parts: {
    readonly state: State;
    readonly now: number;
    readonly powers: Pick<MonitorPowers, "makeSocketEnds">;
    readonly vault: Pick<Vault, "placeholder">;
  },
): AgentNetwork {
  const { state, now, powers, vault } = parts;
  const { agent } = live.state;
  const grants = comingGrants(state, agent, now);
  const network = networkOf(grants);
  const models = grantedModels(grants, state.providers);
  const formats = FORMATS.filter((format) => models.some((model) => model.format === format));
  const allows = grants.flatMap(({ allow }) => allow);
  const git = gitPlacesOf(allows);
  if (git === null)
    throw new Refusal(
      "too-many",
      `The grants of "${agent}" name too many accounts for git.`,
      `${MOST_GIT_PLACES} fit.`,
    );
  if (network === "none" && formats.length === 0 && git.length === 0)
    return { network, formats, secrets: {}, listener: null, forwards: [], git, injectors: [] };
  // A grant that is used up publishes still.
  const held = [...(state.byAgent.get(agent)?.values() ?? [])];
  const published = held.flatMap(({ sandbox }) => sandbox.ports.map(({ inside }) => inside));
  const forwards = forwardsOf(allows, published);
  if (forwards.kind === "refused") {
    const hint = "Revoke one of the grants that disagree.";
    throw new Refusal("forward-clash", `Cannot start "${agent}": ${forwards.why}.`, hint);
  }
  const uses = network === "none" ? new Map<string, SecretUse>() : secretsOf(state, live.state, now);
  // What a provider's requests carry is no part of what the agent was granted: it has no placeholder of that.
  const asked = usesOf(models, state);
  const keys = sshBindings(state).filter((binding) => allows.some((allow) => isNeededBy(binding, allow)));
  const places = new Set([...uses.values(), ...asked, ...keys].map(keyOf));
  if (places.size > MOST_INJECTORS)
    throw new Refusal("too-many", `The grants of "${agent}" name ${places.size} destinations of secrets.`, "12 fit.");
  const injectors = [...places].map((key, index) => {
    const [near, far] = powers.makeSocketEnds();
    let left: SocketEnd | null = far;
    const take = (): SocketEnd | null => {
      const taken = left;
      left = null;
      return taken;
    };
    live.secretEnds.set(key, { via: index + 1, take });
    return near;
  });
  const [launcher, face] = powers.makeSocketEnds();
  const secrets = Object.fromEntries(
    [...uses].map(([variable, { secret }]) => [variable, vault.placeholder(agent, secret)]),
  );
  return { network, formats, secrets, listener: { launcher, face }, forwards: forwards.forwards, git, injectors };
}

/** Where the requests of these models go with a secret. */
function usesOf(models: readonly { readonly provider: string }[], { providers }: State): readonly SecretUse[] {
  return [...new Set(models.map(({ provider }) => provider))].flatMap((name): SecretUse[] => {
    const provider = providers.get(name);
    return provider === undefined || provider.secret === null ? [] : [{ secret: provider.secret, to: provider.to }];
  });
}

/**
 * What the injectors of an instance are armed with now: what may be injected for it, and what its models' providers need.
 * One that is armed for anything else ends.
 */
export function armingsOf(
  parts: { readonly state: State; readonly vault: Pick<Vault, "placeholder">; readonly now: number },
  acting: InstanceState,
): readonly Injection[] {
  const { state, vault, now } = parts;
  const models = grantedModels(comingGrants(state, acting.agent, now), state.providers);
  const asked = usesOf(models, state).flatMap(({ secret, to }): Injection[] => {
    const binding = state.secrets.get(secret)?.bindings.get(to);
    return binding === undefined ? [] : [{ ...binding, placeholder: vault.placeholder(acting.agent, secret) }];
  });
  return [...injectionsOf(parts, acting), ...asked];
}

/** Closes the ends of what was never started for an instance. */
export function closeEnds(live: LiveInstance): void {
  live.netEnd?.close();
  live.netEnd = null;
  for (const { take } of live.secretEnds.values()) take()?.close();
}
