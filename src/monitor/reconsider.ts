import type { Conduct } from "./conduct-ports.ts";
import type { Instances } from "./instances.ts";
import type { State } from "./state.ts";
import type { LiveInstance } from "./live.ts";

/**
 * Decides everything that is held anew, after the policy or the grants are others: what is no longer allowed ends with a
 * record, what a lease covers now runs under it, and what still needs a human stays. FLOOR: neither a plain grant nor a
 * policy answers a hold.
 */
export function reconsiderHeld(ports: {
  readonly state: State;
  readonly conduct: Pick<Conduct, "reconsider">;
  readonly instances: Pick<Instances, "standIn">;
  stopDrivers(live: LiveInstance): void;
  failed(error: unknown): void;
}): void {
  for (const held of ports.state.held.values()) {
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
