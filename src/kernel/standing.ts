import { admitsRest } from "./allowance.ts";
import type { ReasonCode } from "./codes.ts";
import type { DecisionInput, Evaluation, Subject } from "./decision.ts";
import type { Grant, Risk } from "./grant.ts";
import { expectedSpent } from "./infer.ts";
import { argumentBytes, checkLimits, NO_USAGE } from "./limits.ts";

/** What stops one subject of a chain. */
export interface Failure {
  readonly kind: "failed";
  readonly subject: Subject;
  readonly code: ReasonCode;
  readonly by: string;
  /** Whether a further grant would have let the action through. */
  readonly curable: boolean;
}

/** How one subject stands to an action: the grants that let it through, lowest id first, or what stops it. */
export type Standing = { readonly kind: "passed"; readonly grants: readonly Grant[] } | Failure;

/**
 * Asks policy, grants and limits about one subject. A rule that forbids, or one that would and cannot be evaluated, wins
 * over every grant; an engine that fails denies; a grant counts only when it is in force, names the subject's agent, has room
 * for the rest of the arguments and has a use left.
 */
export function standingOf(subject: Subject, input: DecisionInput, risk: Risk): Standing {
  const evaluation = evaluate(subject, input, risk);
  if (evaluation === null) return failure(subject, "policy-error", "the policy engine");
  const [forbid] = evaluation.forbids;
  if (forbid !== undefined) return failure(subject, "forbidden", forbid);
  const broken = evaluation.errors.find((error) => error.effect !== "permit");
  if (broken !== undefined) return failure(subject, "policy-error", broken.rule);

  let stopped: Failure = { ...failure(subject, "no-grant", subject.agent), curable: true };
  const usable: Grant[] = [];
  const expected = expectedSpent(input.action, input.infer);
  for (const id of evaluation.permits.toSorted()) {
    const grant = input.grants.get(id);
    // The engine's word alone is not enough: it may speak of a grant that was revoked a moment ago.
    if (grant === undefined || grant.id !== id || !grant.agents.includes(subject.agent)) continue;
    if (!admitsRest(grant, input.action, input.digest)) continue;
    const usage = input.usage.get(id) ?? NO_USAGE;
    const limit = checkLimits(grant, usage, {
      now: input.now,
      bytes: grant.limits.bytes === null ? 0 : argumentBytes(input.action),
      ...expected,
    });
    if (limit === null) usable.push(grant);
    else if (stopped.code === "no-grant") stopped = { ...stopped, code: limit, by: id };
  }
  return usable.length > 0 ? { kind: "passed", grants: usable } : stopped;
}

function evaluate(subject: Subject, input: DecisionInput, risk: Risk): Evaluation | null {
  const { action, tool, evaluator } = input;
  try {
    const { permits, forbids, errors } = evaluator.evaluate(
      { agent: subject.agent, labels: subject.labels, risk },
      action,
      tool,
    );
    // Copied here, so that an answer of another shape is a fault of the engine too.
    return { permits: [...permits], forbids: [...forbids], errors: [...errors] };
  } catch {
    return null;
  }
}

function failure(subject: Subject, code: ReasonCode, by: string): Failure {
  return { kind: "failed", subject, code, by, curable: false };
}
