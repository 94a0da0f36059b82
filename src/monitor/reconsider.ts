import type { Grant } from "../kernel/grant.ts";
import type { Conduct } from "./conduct-ports.ts";
import type { DriverTable } from "./driver-table.ts";
import type { Instances } from "./instances.ts";
import type { PolicyEngine } from "./policy/policy-engine.ts";
import type { MonitorPowers } from "./powers.ts";
import { RESTARTED } from "./reducer.ts";
import type { Timer } from "../platform/powers.ts";
import type { State } from "./state.ts";
import type { LiveInstance } from "./live.ts";
import { endStorage } from "./storage-start.ts";
import { createOpenings } from "./openings.ts";

/** Decisions in one turn of the event loop. */
const AT_ONCE = 32;

/** What follows for what is held when rules, grants or the time are others. */
export interface Reconsidering {
  /** Decides everything that is held anew. */
  reconsider(): void;
  readonly grantsChanged: GrantsChanged;
  /** At a start: has what is held end in its time, and be decided anew when the hours of a grant come. */
  takeUpHeld(): void;
  /** Stops all that runs for an instance that only stood in for one that ended; resolves when nothing can write for it. */
  stopStandIn(live: LiveInstance): Promise<void>;
}

interface Ports {
  readonly state: State;
  readonly conduct: Pick<Conduct, "reconsider" | "release">;
  readonly instances: Pick<Instances, "standIn" | "revoked" | "running">;
  readonly engine: Pick<PolicyEngine, "addGrant" | "removeGrant">;
  readonly drivers: Pick<DriverTable, "stopAll">;
  readonly timer: Timer;
  readonly stops: MonitorPowers["stops"];
  now(): number;
  failed(error: unknown): void;
}

export function createReconsidering(ports: Ports): Reconsidering {
  const reconsider = (): void => void reconsiderHeld(ports);
  const openings = createOpenings({ ...ports, opened: reconsider });
  return {
    reconsider,
    grantsChanged(change) {
      changeGrants(ports, change);
      openings.watch();
      reconsider();
    },
    takeUpHeld() {
      takeUpHeld(ports);
      openings.watch();
    },
    stopStandIn: (live) => stopStandIn(ports, live),
  };
}

/**
 * Decides everything that is held anew, after the policy or the grants are others or the hours of one began: what is no longer allowed ends with a
 * record, what a lease covers now runs under it, and what still needs a human stays. FLOOR: neither a plain grant nor a
 * policy answers a hold.
 */
async function reconsiderHeld(ports: Ports): Promise<void> {
  for (const [at, held] of [...ports.state.held.values()].entries()) {
    // Ten thousand may be held, and everybody else waits for the monitor meanwhile.
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise<void>((resolve) => void ports.timer.after(0, resolve));
    const live = ports.instances.standIn(held);
    // Not one after another: one that runs under a lease may take its time.
    ports.conduct
      .reconsider(live, held)
      .finally(async () => {
        if (live.agent === null) await stopStandIn(ports, live);
      })
      .catch(ports.failed);
  }
}

async function stopStandIn(ports: Pick<Ports, "drivers" | "timer" | "stops">, live: LiveInstance): Promise<void> {
  live.over = true;
  ports.drivers.stopAll(live);
  await endStorage(live, ports);
}

/** At a start: has what is held end at its own end, and at once what nobody waits for any more. */
function takeUpHeld(ports: Ports): void {
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

function changeGrants({ engine, instances, failed }: Ports, change: Parameters<GrantsChanged>[0]): void {
  if ("added" in change) engine.addGrant(change.added);
  else {
    engine.removeGrant(change.removed);
    void instances.revoked().catch(failed);
  }
  // Faces look at what is offered, gates at whose keys may come.
  for (const live of instances.running()) {
    live.face?.port.changed();
    live.published?.refresh();
  }
}
