import type { ReasonCode, Stage } from "./codes.ts";
import type { GrantProposal } from "./grant.ts";

/** What a stage returns: the value for the next one, or the end of the action (`stopped`) or of the instance (`terminal`). */
export type Staged<T> = { readonly kind: "next"; readonly value: T } | Stopped | Terminal;

/** The action ends here. */
export interface Stopped {
  readonly kind: "stopped";
  readonly stage: Stage;
  readonly code: ReasonCode;
  /** The rule, grant, limit or field that decided. */
  readonly by: string;
  /** The smallest grant that would have let it through, for a human to sign; null when none would. */
  readonly proposal: GrantProposal | null;
  /** One sentence that names the action and the reason, for the agent and the record. */
  readonly message: string;
}

/** The instance ends here (TERMINAL). */
export interface Terminal {
  readonly kind: "terminal";
  readonly stage: Stage;
  readonly code: ReasonCode;
  readonly by: string;
}
