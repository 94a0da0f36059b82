import type { PolicyProblem } from "../../protocol/requests.ts";

/**
 * Why the policy engine could not answer. Closed; every one of them denies (ERRORS-DENY).
 * `not-loaded`: no policy was restored yet. `broken`: Cedar trapped, and nothing it says afterwards can be trusted.
 * `bad-slice`: Cedar refused rules that were vetted. `bad-request`: it refused the request. `bad-answer`: its answer
 * names rules that were not asked. `bad-worker`: the answer of the worker that vets texts cannot be used. `policy-refused`: a draft was refused, `problems` says why.
 */
export type PolicyFaultCode =
  "not-loaded" | "broken" | "bad-slice" | "bad-request" | "bad-answer" | "bad-worker" | "policy-refused";

/** A fault of the policy engine. The kernel turns it into a denial with code `policy-error`. */
export class PolicyFault extends Error {
  override readonly name = "PolicyFault";
  readonly code: PolicyFaultCode;
  /** Only with `policy-refused`: what is wrong with the draft. */
  readonly problems: readonly PolicyProblem[];

  constructor(code: PolicyFaultCode, message: string, problems: readonly PolicyProblem[] = []) {
    super(message);
    this.code = code;
    this.problems = problems;
  }
}
