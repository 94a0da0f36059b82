import { freezeOpen } from "./action-ends.ts";
import type { Instances } from "./instances.ts";
import { isFrozenForLog } from "./log-freeze.ts";
import type { LiveInstance } from "./live.ts";
import { letGoOn, type StoppingPorts } from "./stopping.ts";
import type { Telemetry } from "./telemetry.ts";

const WHY = "the log can be written again";

/** What of the monitor is there only when it is put together. */
export interface LateForLog {
  instances?: Instances;
  /** Decides anew what is held. */
  reconsider?: () => void;
  /** It rests while the log's disk is out. */
  telemetry?: Pick<Telemetry, "rest" | "goOn">;
}

/**
 * Lets those go on that stood still for the log and for nothing else, once it can be written: what could not be recorded is on
 * record by then, and so is that they go on. Nothing is given that was taken away (NO-SELF-WIDENING): runs of denials and of
 * questions go on counting, and one that would have been frozen for them meanwhile stays frozen, for that. Never rejects: whom
 * the log does not let go on now waits for the next time that it works.
 */
export async function letLogFrozenGoOn({
  late: { instances, reconsider, telemetry },
  ...ports
}: StoppingPorts & { readonly late: LateForLog }): Promise<void> {
  telemetry?.goOn();
  if (instances === undefined) return;
  // Those above first: below one that stands still nobody goes on.
  const frozen = [...instances.running()]
    .filter(({ state }) => isFrozenForLog(state))
    .toSorted((one, other) => one.state.ancestry.length - other.state.ancestry.length);
  // A freeze that is still being looked after would stop again what goes on now.
  await Promise.all(frozen.map(({ stopping }) => stopping ?? Promise.resolve()));
  await Promise.allSettled(frozen.map((live) => resume(live, { ...ports, instances })));
  const goOn = frozen.filter(({ state }) => state.life === "running");
  letGoOn(goOn, ports);
  if (goOn.length > 0) reconsider?.();
}

async function resume(
  live: LiveInstance,
  { journal, instances }: Pick<StoppingPorts, "journal"> & { readonly instances: Instances },
): Promise<void> {
  if (!isFrozenForLog(live.state)) return;
  if (live.breaker.open || live.asking.flood) return freezeOpen(live, instances);
  const above = live.state.ancestry.map((id) => journal.state.instances.get(id));
  if (!above.every((each) => each !== undefined && (each.life === "running" || isFrozenForLog(each)))) return;
  await journal.write({ kind: "instance-resumed", instance: live.state.instance, why: WHY });
}
