import type { InstanceView } from "../protocol/requests.ts";
import type { InstanceState, State } from "./state.ts";

/** An instance as `aios ps` shows it. */
export function viewInstance(state: InstanceState, held: State["held"]): InstanceView {
  const { instance, agent, ancestry, life, since, labels, done, denied, workspace, why } = state;
  let waiting = 0;
  for (const action of held.values()) if (action.instance === instance) waiting++;
  return { instance, agent, ancestry, state: life, since, labels, held: waiting, done, denied, workspace, why };
}
