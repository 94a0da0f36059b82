import { endorsedTokens } from "../kernel/endorsement.ts";
import type { Subject } from "../kernel/decision.ts";
import { RESTARTED } from "./reducer.ts";
import type { InstanceState, State } from "./state.ts";

const endorsedBy = new WeakMap<InstanceState, ReadonlySet<string>>();

/**
 * The acting instance and its ancestors as the decision takes them, nearest first (CHILD-LESS). `asking`: the request that
 * is decided, which does not wait beside itself when it is decided anew, and all that wait.
 */
export function subjectChain(
  state: State,
  acting: InstanceState,
  asking?: { readonly request: string; readonly waiting: ReadonlyMap<string, unknown> },
): readonly [Subject, ...Subject[]] {
  const [self, ...above] = [acting, ...acting.ancestry.map((id) => ancestor(state, id))].map((each) =>
    subject(state, each, asking?.request),
  );
  if (self === undefined) throw new Error("there is nobody who acts");
  // Holds whose record is still being written count too, so that a flood cannot outrun the bound.
  const waiting = asking === undefined ? 0 : asking.waiting.size - (asking.waiting.has(asking.request) ? 1 : 0);
  return [{ ...self, heldCount: Math.max(self.heldCount, waiting) }, ...above];
}

/**
 * Why nothing may be done in the name of this instance, or null. TERMINAL and CHILD-LESS: an agent that climbed is gone in
 * all its instances, and nobody acts below one that was stopped. One that a restart ended may still be answered for.
 */
export function stoppedBy(state: State, acting: InstanceState): string | null {
  if (state.allFrozen !== null) return "everything is frozen";
  const above = acting.ancestry.map((id) => state.instances.get(id));
  for (const each of [acting, ...above]) {
    if (each === undefined) return "an instance above it is not known";
    if (state.tombstones.has(each.agent)) return `agent "${each.agent}" was ended for good`;
    if (each.life !== "running" && !(each.life === "ended" && each.why === RESTARTED))
      return `${each.instance} is ${each.life}`;
  }
  return null;
}

/** Whether somebody asked to see every action of this instance, or of one above it. */
export function isHoldAsked(state: State, acting: InstanceState): boolean {
  return [acting, ...acting.ancestry.map((id) => state.instances.get(id))].some(
    (each) => each !== undefined && each.holdAt.length > 0,
  );
}

function subject(state: State, instance: InstanceState, asking: string | undefined): Subject {
  let endorsed = endorsedBy.get(instance);
  if (endorsed === undefined) {
    endorsed = endorsedTokens(instance.words.join("\n"));
    endorsedBy.set(instance, endorsed);
  }
  const own = state.held.get(asking ?? "")?.instance === instance.instance ? 1 : 0;
  const heldCount = state.held.countOf(instance.instance) - own;
  return { agent: instance.agent, instance: instance.instance, labels: instance.labels, endorsed, heldCount };
}

function ancestor(state: State, id: string): InstanceState {
  const found = state.instances.get(id);
  if (found === undefined) throw new Error(`ancestor ${id} is not known`);
  return found;
}
