import type { ReasonCode } from "../kernel/codes.ts";
import { checkLimits, NO_USAGE } from "../kernel/limits.ts";
import { allowParts, type Grant } from "../kernel/grant.ts";
import type { Visible } from "../protocol/requests.ts";
import type { RunningDriver } from "./driver-pool.ts";
import type { State } from "./state.ts";

/** Grants of an agent that could still allow something now: not revoked, within their time and hours, with uses left. */
export function usableGrants(state: State, agent: string, now: number): readonly Grant[] {
  return grantsWith(state, { agent, now }, (limit) => limit === null);
}

/** Limits that time lifts by itself. */
const PASSING: ReadonlySet<ReasonCode | null> = new Set(["outside-hours", "limit-window", "limit-rate"] as const);

/**
 * Those, and the ones that only wait for their hours or for their rate: what an agent finds when it starts stays, so it has
 * to be there when they begin. Until then each action is denied.
 */
export function comingGrants(state: State, agent: string, now: number): readonly Grant[] {
  return grantsWith(state, { agent, now }, (limit) => limit === null || PASSING.has(limit));
}

function grantsWith(
  state: State,
  { agent, now }: { readonly agent: string; readonly now: number },
  holds: (limit: ReasonCode | null) => boolean,
): readonly Grant[] {
  const all = [...(state.byAgent.get(agent)?.values() ?? [])];
  return all.filter((grant) => holds(checkLimits(grant, state.usage.get(grant.id) ?? NO_USAGE, { now, bytes: 0 })));
}

/** Bytes that the least of some grants has left, or null when none of them counts bytes; of one not in force, none. */
export function bytesLeft(state: State, grants: readonly string[]): number | null {
  const left = grants.flatMap((id) => {
    const grant = state.active.get(id);
    if (grant === undefined) return [0];
    const { bytes } = grant.limits;
    return bytes === null ? [] : [Math.max(0, bytes - (state.usage.get(id) ?? NO_USAGE).bytes)];
  });
  return left.length === 0 ? null : Math.min(...left);
}

/**
 * What an instance may see: the offers of its drivers, less everything that no usable grant of it, or of one of its
 * ancestors, names. What is not listed is denied all the same when it is called by name.
 * @param chain agent names, acting first, then its ancestors.
 */
export function visibleOffers(
  drivers: Iterable<RunningDriver>,
  { state, chain, now }: { readonly state: State; readonly chain: readonly string[]; readonly now: number },
): Visible {
  const allowed = chain.map((agent) => allowedNames(comingGrants(state, agent, now)));
  const everyone = (test: (names: Allowed) => boolean): boolean => allowed.every(test);
  const list = [...drivers];
  return {
    tools: list.flatMap(({ name: driver, offer }) =>
      offer.tools
        .filter((tool) => everyone((names) => names.exact.has(`${driver}/${tool.name}`)))
        .map((tool) => ({ ...tool, driver })),
    ),
    prompts: list.flatMap(({ name: driver, offer }) =>
      offer.prompts
        .filter((prompt) => everyone((names) => names.exact.has(`${driver}@${prompt.name}`)))
        .map((prompt) => ({ ...prompt, driver })),
    ),
    resources: list.flatMap(({ name: driver, offer }) =>
      offer.resources
        .filter(({ uri }) => everyone((names) => names.reads(driver, uri)))
        .map((resource) => ({ ...resource, driver })),
    ),
    resourceTemplates: list.flatMap(({ name: driver, offer }) =>
      offer.resourceTemplates
        .filter(({ uriTemplate }) => everyone((names) => names.readsBelow(driver, uriTemplate)))
        .map((template) => ({ ...template, driver })),
    ),
  };
}

interface Allowed {
  readonly exact: ReadonlySet<string>;
  reads(driver: string, uri: string): boolean;
  /** True when everything the template can name lies under a granted prefix. */
  readsBelow(driver: string, template: string): boolean;
}

function allowedNames(grants: readonly Grant[]): Allowed {
  const exact = new Set<string>();
  const prefixes: { readonly driver: string; readonly prefix: string }[] = [];
  for (const grant of grants) {
    for (const { what } of grant.allow) {
      const parts = allowParts(what);
      if (parts?.verb === "read") prefixes.push({ driver: parts.driver, prefix: parts.name });
      else exact.add(what);
    }
  }
  const reads = (driver: string, uri: string): boolean =>
    prefixes.some(
      (each) =>
        each.driver === driver && (uri === each.prefix || (each.prefix.endsWith("/") && uri.startsWith(each.prefix))),
    );
  return { exact, reads, readsBelow: (driver, template) => reads(driver, template.replace(/\{.*$/s, "")) };
}
