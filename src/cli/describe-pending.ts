import type { RecoveryPending } from "../protocol/owner-requests.ts";
import { showMoment } from "../showing/moment.ts";
import { makeVisible } from "../showing/visible.ts";
import type { CliPowers } from "./powers.ts";

/** One sentence about a recovery that waits, for every screen. */
export function describePending({ name, due, record }: RecoveryPending, { offset }: Pick<CliPowers, "offset">): string {
  return `${makeVisible(name)} becomes an owner at ${showMoment(due, offset(due))} by a recovery code (record ${record})`;
}
