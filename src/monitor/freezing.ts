import type { Decider } from "../protocol/record.ts";
import type { LiveInstance } from "./live.ts";
import { isFrozenForLog, LOG_UNAVAILABLE } from "./log-freeze.ts";
import { freezeTogether, type StoppingPorts } from "./stopping.ts";

/**
 * Freezes one and all below it for a reason of the monitor's own; resolves with the record. One that stands still for the log alone
 * is frozen for the other reason too, which does not lift by itself.
 */
export async function freezeUnasked(
  { live, children }: { readonly live: LiveInstance; readonly children: readonly LiveInstance[] },
  { by, code }: { readonly by: Decider; readonly code: string },
  ports: StoppingPorts & { logWorks(): void },
): Promise<void> {
  const forLog = code === LOG_UNAVAILABLE;
  if (live.state.life !== "running" && (forLog || !isFrozenForLog(live.state))) return;
  // Who stands still for the log does so for itself, and goes on by itself.
  const theirs = children.map((child) => ({ live: child, by, code: forLog ? code : "ancestor-frozen" }));
  await freezeTogether([{ live, by, code }, ...theirs], ports).recorded;
  // The log may work again already, and then nothing else lets it go on.
  if (forLog && (await live.recorded)) ports.logWorks();
}
