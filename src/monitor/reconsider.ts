import type { Grant } from "../kernel/grant.ts";
import type { Conduct } from "./conduct-ports.ts";
import type { Instances } from "./instances.ts";
import type { PolicyEngine } from "./policy/policy-engine.ts";
import { RESTARTED } from "./reducer.ts";
import type { Timer } from "../platform/powers.ts";
import type { State } from "./state.ts";
import type { LiveInstance } from "./live.ts";

/** Decisions in one turn of the event loop. */
const AT_ONCE = 32;

/**
 * Decides everything that is held anew, after the policy or the grants are others: what is no longer allowed ends with a
 * record, what a lease covers now runs under it, and what still needs a human stays. FLOOR: neither a plain grant nor a
 * policy answers a hold.
 */
export async function reconsiderHeld(ports: {
  readonly state: State;
  readonly conduct: Pick<Conduct, "reconsider">;
  readonly instances: Pick<Instances, "standIn">;
  stopDrivers(live: LiveInstance): void;
  readonly timer: Timer;
  failed(error: unknown): void;
}): Promise<void> {
  for (const [at, held] of [...ports.state.held.values()].entries()) {
    // Ten thousand may be held, and everybody else waits for the monitor meanwhile.
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise<void>((resolve) => void ports.timer.after(0, resolve));
    const live = ports.instances.standIn(held);
    // Not one after another: one that runs under a lease may take its time.
    ports.conduct
      .reconsider(live, held)
      .finally(() => {
        if (live.agent === null) ports.stopDrivers(live);
      })
      .catch(ports.failed);
  }
}

/** At a start: has what is held end at its own end, and at once what nobody waits for any more. */
export function takeUpHeld(ports: {
  readonly state: State;
  readonly conduct: Pick<Conduct, "release">;
  readonly instances: Pick<Instances, "standIn">;
  readonly timer: Timer;
  now(): number;
}): void {
  const { state, conduct, instances } = ports;
  for (const held of state.held.values()) {
    // Only what a restart cut off may still be answered; whoever else is gone waits for nothing.
    const waits = state.instances.get(held.instance)?.why === RESTARTED;
    const left = waits ? Math.max(0, held.expires - ports.now()) : 0;
    ports.timer.after(
      left,
      () => void conduct.release(instances.standIn(held), held.request, waits ? "hold-expired" : "withdrawn"),
    );
  }
}

/** What follows when grants are others: the engine, what runs on them, faces and gates are told, and what is held is decided anew. */
export type GrantsChanged = (change: { readonly added: Grant } | { readonly removed: string }) => void;

export function createGrantsChanged(ports: {
  readonly engine: Pick<PolicyEngine, "addGrant" | "removeGrant">;
  readonly instances: Pick<Instances, "revoked" | "running">;
  reconsider(): void;
  failed(error: unknown): void;
}): GrantsChanged {
  return (change) => {
    if ("added" in change) ports.engine.addGrant(change.added);
    else {
      ports.engine.removeGrant(change.removed);
      void ports.instances.revoked().catch(ports.failed);
    }
    // Faces look at what is offered, gates at whose keys may come.
    for (const live of ports.instances.running()) {
      live.face?.port.changed();
      live.published?.refresh();
    }
    ports.reconsider();
  };
}
