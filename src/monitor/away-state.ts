import { decodeAway, MAX_AWAY_MS } from "../kernel/away.ts";
import type { JsonValue } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import { dropGrant, putGrant } from "./grant-state.ts";
import { StateFault } from "./state-fault.ts";
import type { AwayState, State } from "./state.ts";

/** Takes records about an owner who is away into the state. Throws StateFault. */
export function applyAway(
  state: State,
  record: {
    readonly seq: number;
    readonly at: number;
    readonly body: Extract<RecordBody, { readonly kind: "away-begun" | "away-ended" }>;
    readonly document: JsonValue;
  },
): void {
  const { seq, at, body } = record;
  if (body.kind === "away-ended") return endAway(state, seq);
  const decoded = decodeAway(record.document);
  if (decoded.kind === "refused") throw new StateFault(seq, `its document does not decode: ${decoded.message}`);
  const { until, asked, leases } = decoded.value;
  if (until - at > MAX_AWAY_MS) throw new StateFault(seq, "it lasts longer than it may");
  if (isAway(state)) throw new StateFault(seq, "somebody is away already");
  for (const grant of leases) putGrant(state, { seq, grant, key: body.key });
  state.away = { since: at, until, asked, leases: leases.map(({ id }) => id), ended: false };
}

function endAway(state: State, seq: number): void {
  if (!isAway(state)) throw new StateFault(seq, "nobody is away");
  for (const id of state.away.leases) if (state.active.has(id)) dropGrant(state, { seq, id });
  state.away = { ...state.away, ended: true };
}

/** Whether somebody is away as far as the log has it; its end by time comes with a record of its own. */
export function isAway(state: Pick<State, "away">): state is { readonly away: AwayState } {
  return state.away !== null && !state.away.ended;
}

/** A stretch away as people see it. */
export function awayView({ since, until, asked, leases }: AwayState): Omit<AwayState, "ended"> {
  return { since, until, asked, leases };
}
