import type { Decider } from "../protocol/record.ts";
import type { InstanceState } from "./state.ts";

/** Why an instance is frozen of which something could not be recorded: the one freeze that lifts by itself. */
export const LOG_UNAVAILABLE = "log-unavailable";

/** A freeze for that. */
export const AUDIT_FAILED: { readonly by: Decider; readonly code: "log-unavailable" } = {
  by: { kind: "monitor", why: "audit" },
  code: LOG_UNAVAILABLE,
};

/** Whether an instance stands still for the log, and for nothing else. */
export function isFrozenForLog({ life, why }: Pick<InstanceState, "life" | "why">): boolean {
  return life === "frozen" && why === LOG_UNAVAILABLE;
}
