import type { Action, Digest } from "../kernel/action.ts";
import { coversExactly, whatOf } from "../kernel/allowance.ts";
import type { Grant } from "../kernel/grant.ts";
import { NO_REST, restOf } from "../kernel/rest.ts";
import type { Example } from "../showing/covering.ts";
import { readAction } from "../showing/read-action.ts";
import { Refusal } from "./faults.ts";
import type { State } from "./state.ts";

/** Requests of held actions: at least one of each list has to wait. An empty list is what nothing can fulfil. */
export type Needs = readonly (readonly string[])[];

/** The requests of the actions that a lease covers, of those that it was made from. */
export function coveredBy(lease: Grant, examples: readonly Example[], digest: Digest): readonly string[] {
  return examples
    .filter(({ action, tool }) => coversExactly(lease, { action, tool, digest }))
    .map(({ action }) => action.request);
}

/**
 * What has to wait for a lease to be signed: each action that it covers, of those that it was made from, and for each digest of
 * further arguments one that has them. Nobody else can read what such a digest stands for (SHOWN-SIGNED-RUN).
 */
export function needsOf(lease: Grant, examples: readonly Example[], digest: Digest): Needs {
  const actions = examples.map(({ action }) => action);
  return [...coveredBy(lease, examples, digest).map((request) => [request]), ...readersOf(lease, actions, digest)];
}

/** By digest of further arguments in a lease, the requests of those of some actions that it was made of. */
function readersOf({ allow }: Grant, actions: readonly Action[], digest: Digest): Needs {
  return allow.flatMap(({ what, where, rest = [] }) => {
    const sums = rest.filter((each) => each !== NO_REST);
    if (sums.length === 0) return [];
    const ofTool = actions.filter((action) => action.verb === "call" && whatOf(action) === what);
    const bySum = Map.groupBy(ofTool, ({ arguments: args }) => restOf(where, args, digest));
    return sums.map((sum) => (bySum.get(sum) ?? []).map(({ request }) => request));
  });
}

/**
 * Refuses a lease with a digest of arguments that no waiting action has, under whatever name and wherever it was drawn up: whoever
 * signs it could read nowhere what would run. Throws Refusal `unknown-request`.
 */
export function refuseUnread(lease: Grant, { held }: Pick<State, "held">, digest: Digest): void {
  if (!lease.lease || lease.allow.every(({ rest = [] }) => rest.every((each) => each === NO_REST))) return;
  const tools = new Set(lease.allow.map(({ what }) => what));
  const actions = [...held.values()]
    .filter(({ agent, what }) => lease.agents.includes(agent) && tools.has(what))
    .flatMap(({ text }) => readAction(text) ?? []);
  if (readersOf(lease, actions, digest).every((readers) => readers.length > 0)) return;
  throw new Refusal(
    "unknown-request",
    "No action that waits has the arguments that this lease binds by their digest, so nobody can read what they are.",
    "When the agent asks again, propose it again: `aios propose`.",
  );
}
