import { endorsedTokens } from "../kernel/endorsement.ts";
import type { Subject } from "../kernel/decision.ts";
import type { InstanceState, State } from "./state.ts";

const endorsedBy = new WeakMap<InstanceState, ReadonlySet<string>>();

/** The acting instance and its ancestors as the decision takes them, nearest first (CHILD-LESS). */
export function subjectChain(state: State, acting: InstanceState): readonly [Subject, ...Subject[]] {
  return [subject(state, acting), ...acting.ancestry.map((id) => subject(state, ancestor(state, id)))];
}

function subject(state: State, instance: InstanceState): Subject {
  let endorsed = endorsedBy.get(instance);
  if (endorsed === undefined) {
    endorsed = endorsedTokens(instance.words.join("\n"));
    endorsedBy.set(instance, endorsed);
  }
  let heldCount = 0;
  for (const held of state.held.values()) if (held.instance === instance.instance) heldCount += 1;
  return { agent: instance.agent, instance: instance.instance, labels: instance.labels, endorsed, heldCount };
}

function ancestor(state: State, id: string): InstanceState {
  const found = state.instances.get(id);
  if (found === undefined) throw new Error(`ancestor ${id} is not known`);
  return found;
}
