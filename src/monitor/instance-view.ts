import type { RecordBody } from "../protocol/record.ts";
import type { HeldView, InstanceView } from "../protocol/requests.ts";
import type { Asked } from "./asked-before.ts";
import type { HeldState, InstanceState, State } from "./state.ts";

/** Instances as `aios ps` shows them. */
export function viewInstances(instances: readonly InstanceState[], held: State["held"]): readonly InstanceView[] {
  const waiting = new Map<string, number>();
  for (const { instance } of held.values()) waiting.set(instance, (waiting.get(instance) ?? 0) + 1);
  return instances.map((state) => {
    const { instance, agent, ancestry, life, since, labels, done, denied, workspace, why } = state;
    const count = waiting.get(instance) ?? 0;
    return { instance, agent, ancestry, state: life, since, labels, held: count, done, denied, workspace, why };
  });
}

/** A held action as lists show it. */
export function viewHeld(held: HeldState, asked: Pick<Asked, "likenessOf">): HeldView {
  const { request, instance, agent, what, reasons, since, expires, digest } = held;
  return { request, instance, agent, what, reasons, since, expires, digest, ...asked.likenessOf(held) };
}

/** What a record that was just taken in holds for a human, or null when it holds nothing. */
export function newlyHeld(
  { state, asked }: { readonly state: Pick<State, "held">; readonly asked: Pick<Asked, "likenessOf"> },
  body: RecordBody,
): HeldView | null {
  if (body.kind !== "held") return null;
  const held = [...state.held.values()].findLast(({ digest }) => digest === body.action);
  return held === undefined ? null : viewHeld(held, asked);
}
