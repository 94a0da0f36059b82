import type { RecordBody } from "../protocol/record.ts";
import { HELD_PAGE, type HeldPage } from "../protocol/held-view.ts";
import type { HeldView, InstanceView } from "../protocol/requests.ts";
import type { Asked } from "./asked-before.ts";
import type { HeldState, InstanceState, State } from "./state.ts";

/** Instances as `aios ps` shows them. */
export function viewInstances(instances: readonly InstanceState[], held: State["held"]): readonly InstanceView[] {
  return instances.map((state) => {
    const { instance, agent, ancestry, life, since, labels, done, denied, workspace, why, holdAt } = state;
    const count = held.countOf(instance);
    return { instance, agent, ancestry, state: life, since, labels, held: count, done, denied, workspace, why, holdAt };
  });
}

/** A held action as lists show it. */
export function viewHeld(held: HeldState, asked: Pick<Asked, "told">): HeldView {
  const { request, instance, agent, what, reasons, since, expires, digest } = held;
  return { request, instance, agent, what, reasons, since, expires, digest, ...asked.told(held) };
}

/** The page of what is held that begins after a record, and what comes after that. */
export function viewHeldPage(
  after: number | null,
  { state, asked }: { readonly state: Pick<State, "held">; readonly asked: Pick<Asked, "told"> },
): HeldPage {
  const page: HeldState[] = [];
  for (const held of state.held.values()) {
    if (held.record <= (after ?? -1)) continue;
    if (page.length === HELD_PAGE)
      return { held: page.map(view), next: page.at(-1)?.record ?? null, all: state.held.size };
    page.push(held);
  }
  return { held: page.map(view), next: null, all: state.held.size };

  function view(held: HeldState): HeldView {
    return viewHeld(held, asked);
  }
}

/** What a record that was just taken in holds for a human, or null when it holds nothing. */
export function newlyHeld(
  { state, asked }: { readonly state: Pick<State, "held">; readonly asked: Pick<Asked, "told"> },
  body: RecordBody,
): HeldView | null {
  if (body.kind !== "held") return null;
  const held = state.held.ofAction(body.action);
  return held === undefined ? null : viewHeld(held, asked);
}
