import { isFrozenForLog } from "./log-freeze.ts";
import { type Action, decodeAction, type Digest, type Proposal } from "../kernel/action.ts";
import { REASONS, type ReasonCode, type Stage } from "../kernel/codes.ts";
import type { GrantProposal, Risk } from "../kernel/grant.ts";
import { type JsonBounds, parseJson } from "../kernel/json.ts";
import { loggedText } from "../kernel/memory-logged.ts";
import type { Staged } from "../kernel/staged.ts";
import type { Decider, RecordBody } from "../protocol/record.ts";
import type { Outcome } from "../protocol/requests.ts";
import type { LiveInstance } from "./live.ts";

/** The end of an action, or of its instance, at some stage. */
export type Halted = Exclude<Staged<never>, { kind: "next" }>;

/** How an action ended, and the number of the record that says so of the decision: null when there is none. */
export interface Ended {
  readonly outcome: Outcome;
  readonly seq: number | null;
}

/** For texts that this monitor wrote itself: whatever `decide` let through must be read back. */
export const OWN_BOUNDS: JsonBounds = { maxLength: Infinity, maxDepth: Infinity, maxValues: Infinity };

/** What every record of an action says of it. */
export type ActionPart = Pick<
  Extract<RecordBody, { kind: "intent" }>,
  "instance" | "agent" | "ancestry" | "action" | "what" | "risk" | "labels" | "policy"
>;

/** No human answers it, as the end of an action. */
export function unanswered(code: ReasonCode, by: string): Extract<Halted, { kind: "stopped" }> {
  return { kind: "stopped", stage: "approve", code, by, proposal: null, message: REASONS[code] };
}

/** A driver that cannot be had, as the end of an action. */
export function unavailable(): Extract<Halted, { kind: "stopped" }> {
  return {
    kind: "stopped",
    stage: "select",
    code: "driver-unavailable",
    by: "monitor",
    proposal: null,
    message: REASONS["driver-unavailable"],
  };
}

/** What a record can say of a proposal that may not even be an action: the digest of its words as they came. */
export function describeProposal(
  proposal: Proposal,
  { request, digest }: { request: string; digest: Digest },
): {
  digest: string;
  risk: Risk;
  text: string;
} {
  const text = JSON.stringify({ ...proposal, request });
  return { digest: digest(text), risk: "reserved", text: loggedText(proposal, text) };
}

/** The action of a held text; throws when it is none, which only a broken log can cause. */
export function readAction(text: string): Action {
  const parsed = parseJson(text, OWN_BOUNDS);
  const decoded = parsed.kind === "ok" ? decodeAction(parsed.value) : parsed;
  if (decoded.kind !== "ok") throw new Error(`the held action does not decode: ${decoded.message}`);
  return decoded.value;
}

/** What the agent gets back when its action ended before or at its driver. */
export function stoppedOutcome(
  halted: { readonly stage: Stage; readonly code: ReasonCode; readonly message?: string },
  proposal: GrantProposal | null,
): Outcome {
  return {
    kind: "stopped",
    stage: halted.stage,
    code: halted.code,
    message: halted.message ?? REASONS[halted.code],
    proposal,
  };
}

/** Freezes an instance whose breaker is open, or which floods people with questions. */
export async function freezeOpen(
  live: LiveInstance,
  ports: { freeze(live: LiveInstance, why: { by: Decider; code: string }): Promise<void> },
): Promise<void> {
  if (live.state.life !== "running" && !isFrozenForLog(live.state)) return;
  if (live.asking.flood)
    await ports.freeze(live, { by: { kind: "monitor", why: "a flood of held actions" }, code: "held-flood" });
  else if (live.breaker.open)
    await ports.freeze(live, { by: { kind: "monitor", why: "a run of denials" }, code: "breaker-open" });
}
