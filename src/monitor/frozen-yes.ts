import type { Consent } from "../kernel/consent.ts";
import { Refusal } from "./faults.ts";
import type { InstanceState, State } from "./state.ts";

/** Why no yes over this instance is taken now, though it may go on: it, one above it or all is frozen; else null. Visible text. */
export function frozenBy(state: State, acting: InstanceState): string | null {
  if (state.allFrozen !== null) return "everything is frozen";
  const frozen = findFrozen(state, acting);
  return frozen === undefined ? null : `${frozen.instance} is frozen`;
}

/**
 * Throws `Refusal` `frozen` for a yes that could only be denied: it is not used up, and the action stays held. A no is taken
 * always.
 */
export function refuseFrozenYes(
  state: State,
  { acting, consent }: { readonly acting: InstanceState; readonly consent: Consent },
): void {
  const why = consent.decision === "allow" ? frozenBy(state, acting) : null;
  if (why === null) return;
  const whom = state.allFrozen === null ? findFrozen(state, acting)?.instance : "--all";
  throw new Refusal(
    "frozen",
    `The yes is not taken: ${why}. The action stays held.`,
    `A no is taken; a yes is after aios thaw ${whom}.`,
  );
}

function findFrozen(state: State, acting: InstanceState): InstanceState | undefined {
  return [acting, ...acting.ancestry.map((id) => state.instances.get(id))].find((each) => each?.life === "frozen");
}
