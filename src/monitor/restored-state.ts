import { KEEP_ALL } from "../protocol/retention.ts";
import { isAway } from "./away-state.ts";
import { dropGrant } from "./grant-state.ts";
import { StateFault } from "./state-fault.ts";
import { NO_RECOVERY, type State } from "./state.ts";

/**
 * The home was restored from a backup: what happened after the backup is not in its log, so nothing is believed that could have
 * been used up, taken back or replaced by then. Grants and their uses, held actions, recovery codes, admitted publishers and an owner's stretch
 * away end; what memory was to forget is forgotten, and its snapshots wait for a newer signature. What took something away stays.
 */
export function applyRestored(state: State, seq: number): void {
  for (const id of state.active.keys()) dropGrant(state, { seq, id });
  if (isAway(state)) state.away = { ...state.away, ended: true };
  state.held.clear();
  state.recovery = NO_RECOVERY;
  // With the keys of now intents may be without their payloads that were erased later; no use of a grant hangs on them any more.
  state.unexplained.clear();
  // No backup has the store; what is in it does nothing, and can be added again.
  state.extensions.clear();
  state.attested.clear();
  state.published.clear();
  // A publisher may have been removed since. That nobody else's extensions run takes something away, and stays.
  state.publishers = { ...state.publishers, admitted: new Map() };
  // A rule may have been lifted since, and what one destroys nothing brings back.
  state.retention = { ...state.retention, ...KEEP_ALL, record: null };
  const { memory } = state;
  memory.snapshots.withhold();
  const ending = [...memory.entries(null)]
    .filter((entry) => memory.placeOf(entry)?.plane === "ephemeral")
    .toSorted((one, other) => one - other);
  const why = memory.destroy(ending, "expired");
  if (why !== null) throw new StateFault(seq, why);
}
