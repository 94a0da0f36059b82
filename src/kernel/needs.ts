import type { DecisionInput, HoldReason } from "./decision.ts";
import { unendorsed } from "./endorsement.ts";
import type { Risk } from "./grant.ts";
import { isTainted, mergeLabels } from "./labels.ts";
import { namesRecipient } from "./risk.ts";

/** Why a human is needed for an action, by what can stand in for one. */
export interface HumanNeeds {
  /** Answered by a lease for exactly this call as well. */
  readonly leasable: readonly HoldReason[];
  /** Answered by a human's signature on the action only. */
  readonly always: readonly HoldReason[];
  /** Recipients that the human did not name, as given. */
  readonly unendorsed: readonly string[];
}

const NOBODY: HumanNeeds = Object.freeze({ leasable: [], always: [], unendorsed: [] });

/**
 * Whether an action needs a human (FLOOR; articles C7 and C9 of the constitution).
 *
 * Labels are those of the whole chain together, since what one instance took in reaches the others through tasks and
 * results; a recipient counts as named only when it was named to every instance of the chain (CHILD-LESS). `signedFor`: a
 * grant of each of them names these very recipients.
 */
export function humanNeeds(
  input: Pick<DecisionInput, "action" | "tool" | "chain">,
  { risk, signedFor }: { readonly risk: Risk; readonly signedFor: boolean },
): HumanNeeds {
  if (risk !== "reach" && risk !== "reserved") return NOBODY;
  const { action, tool, chain } = input;
  const labels = mergeLabels(...chain.map((subject) => subject.labels));
  const strangers = signedFor
    ? []
    : [...new Set(chain.flatMap(({ endorsed }) => unendorsed(tool, action.arguments, endorsed)))];
  const named = namesRecipient(tool, action.arguments);
  // A tool with recipients that is given none chooses one itself: nobody named that.
  const nameless = risk === "reach" && !named && Object.keys(tool.recipients).length > 0;

  const leasable: HoldReason[] = [];
  if (risk === "reserved") leasable.push("reserved");
  if (strangers.length > 0 || nameless) leasable.push("recipient-not-endorsed");
  if (isTainted(labels) && (strangers.length > 0 || !named)) leasable.push("untrusted-and-private");
  const always: HoldReason[] = labels.includes("secret") ? ["untrusted-and-private"] : [];
  return { leasable, always, unendorsed: strangers };
}
