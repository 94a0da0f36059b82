import type { Action } from "../kernel/action.ts";
import { unendorsed } from "../kernel/endorsement.ts";
import type { ActionContext } from "../showing/render-action.ts";
import type { Asked } from "./asked-before.ts";
import { declaredDriver } from "./driver-table.ts";
import type { Instances } from "./instances.ts";
import { traceArguments } from "./provenance.ts";
import type { HeldState, State } from "./state.ts";
import { subjectChain } from "./subjects.ts";

export interface HeldContextPorts {
  readonly state: State;
  readonly instances: Pick<Instances, "live">;
  readonly asked: Pick<Asked, "before">;
}

/** What stands beside a held action where a human decides on it, as it is now: all but the file there and the code. */
export type HeldContext = Omit<ActionContext, "found" | "code">;

/** @param action what the held text says. */
export function heldContext(
  { state, instances, asked }: HeldContextPorts,
  held: HeldState,
  action: Action,
): HeldContext {
  const live = instances.live(held.instance);
  const declared = declaredDriver(state, held.agent, action.driver);
  const tool = declared.kind === "declared" ? declared.spec.tools[action.name] : undefined;
  const [subject] = subjectChain(state, live.state);
  return {
    risk: held.risk,
    labels: live.state.labels,
    reasons: held.reasons,
    unendorsed: tool === undefined ? [] : unendorsed(tool, action.arguments, subject.endorsed),
    provenance: traceArguments(action.arguments, live.seen),
    before: asked.before(held),
  };
}
