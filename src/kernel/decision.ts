import type { Action, Digest } from "./action.ts";
import { coversExactly, namesExactly, smallestGrant } from "./allowance.ts";
import type { ReasonCode } from "./codes.ts";
import { checkConstitution } from "./constitution.ts";
import { KernelFault } from "./fault.ts";
import { mistypedField } from "./fields.ts";
import type { Grant, GrantProposal, Label, Risk, ToolClass } from "./grant.ts";
import type { Coming } from "./hours.ts";
import { checkInfer, decodeInferCall, INFER_DRIVER, type InferFacts, type Spent } from "./infer.ts";
import { mergeLabels } from "./labels.ts";
import { checkLimits, NO_USAGE } from "./limits.ts";
import { MEMORY_DRIVER, memoryCallOf, planeName, sharesPlane } from "./memory.ts";
import { humanNeeds } from "./needs.ts";
import { decodeNetCall, isShownInFull, NET_DRIVER } from "./net.ts";
import { effectiveRisk } from "./risk.ts";
import { placeholderUse, type Injection } from "./secrets.ts";
import { standingOf, type Failure, type Standing } from "./standing.ts";

/** One instance as the decision sees it. The first of a chain acts; the others are its ancestors. */
export interface Subject {
  readonly agent: string;
  readonly instance: string;
  readonly labels: readonly Label[];
  /** Typed tokens from words that AIOS itself took from the human, as `kind:value`, normalised. */
  readonly endorsed: ReadonlySet<string>;
  readonly heldCount: number;
}

/** What Cedar said for one principal and one action. */
export interface Evaluation {
  /** Grants whose permit is satisfied. */
  readonly permits: readonly string[];
  /** Owner policies that forbid. */
  readonly forbids: readonly string[];
  /** Rules that could not be evaluated. `forbid` ones deny; `permit` ones give nothing. */
  readonly errors: readonly { readonly rule: string; readonly effect: "permit" | "forbid" }[];
}

/** The policy engine, passed in. Must be pure: same rules, same answer. Throws only on its own faults, which deny. */
export interface Evaluator {
  evaluate(
    subject: { agent: string; labels: readonly Label[]; risk: Risk },
    action: Action,
    tool: ToolClass,
  ): Evaluation;
  /** Identifies the rules in force, for statements and records: `sha256:…`. */
  readonly version: string;
}

/** What has been used of a grant. */
export interface Usage {
  readonly uses: number;
  readonly bytes: number;
  /** Times of recent uses, milliseconds since 1970 UTC, oldest first, pruned to the longest rate span. */
  readonly recent: readonly number[];
  /** Uses in each coming of a window of the grant's hours; absent when those do not count. */
  readonly windows?: readonly (Coming & { readonly uses: number })[];
  /** Tokens and money of model calls; absent when there was none. */
  readonly spent?: Spent;
}

export interface DecisionInput {
  readonly action: Action;
  readonly tool: ToolClass;
  /** Acting instance first, then its ancestors, nearest first. */
  readonly chain: readonly [Subject, ...Subject[]];
  readonly grants: ReadonlyMap<string, Grant>;
  readonly usage: ReadonlyMap<string, Usage>;
  readonly evaluator: Evaluator;
  /** Of the rest of the arguments, where a grant binds it. */
  readonly digest: Digest;
  /** Trusted time, milliseconds since 1970 UTC. */
  readonly now: number;
  /** Host paths that belong to the substrate: its home. Absolute. */
  readonly ownPaths: readonly string[];
  /** Secrets that may be injected for the acting instance. */
  readonly injections: readonly Injection[];
  /** Which models there are, and what the acting instance sees. */
  readonly infer: InferFacts;
}

/** Why a human is asked. */
export type HoldReason = "reserved" | "recipient-not-endorsed" | "untrusted-and-private" | "owner-asked";

export type Decision =
  | { readonly kind: "granted"; readonly risk: Risk; readonly grants: readonly string[]; readonly lease: string | null }
  | {
      readonly kind: "held";
      readonly risk: Risk;
      readonly grants: readonly string[];
      readonly reasons: readonly HoldReason[];
      /** Recipients that the human did not name, as given. */
      readonly unendorsed: readonly string[];
    }
  | {
      readonly kind: "denied";
      readonly code: ReasonCode;
      /** The rule, grant or limit that decided, for the record and the human. */
      readonly by: string;
      readonly proposal: GrantProposal | null;
    }
  | { readonly kind: "terminal"; readonly code: ReasonCode; readonly by: string };

/** An instance with more actions than this waiting may not add one; a flood buries the one that matters. */
export const MAX_HELD = 20;

/**
 * Decides one action: constitution, then types, then policy, grants and limits for the instance and every ancestor
 * (CHILD-LESS), then whether a human is needed (FLOOR). Pure: equal input, equal decision. Whatever fails denies
 * (ERRORS-DENY); taking a grant away or adding a rule that forbids never allows more.
 *
 * `ownerAsks` says that an owner wants to see this action before it runs.
 * Throws KernelFault `wrong-chain` when the chain does not begin with the acting instance.
 */
export function decideAction(input: DecisionInput, ownerAsks: boolean = false): Decision {
  const { action, tool, chain } = input;
  const [actor] = chain;
  if (actor.instance !== action.instance || actor.agent !== action.agent) {
    throw new KernelFault("wrong-chain", `the chain for ${action.instance} begins with ${actor.instance}`);
  }
  const verdict = checkConstitution(input);
  if (verdict?.kind === "terminal") return { kind: "terminal", code: verdict.code, by: verdict.by };
  if (verdict?.kind === "denied") return denied(verdict.code, verdict.by);
  const misplaced = misplacedSecret(action, input.injections);
  if (misplaced !== null) return denied("secret-not-injected", misplaced);
  const kept = keptFromModel(input);
  if (kept !== null) return kept;
  const apart = keptFromMemory(input);
  if (apart !== null) return apart;
  const mistyped = mistypedField(tool, action.arguments);
  if (mistyped !== null) return denied("argument-type", mistyped);

  const risk = effectiveRisk(tool, action.verb, action.arguments);
  const standings = chain.map((subject) => standingOf(subject, input, risk));
  const failures = standings.filter((standing) => standing.kind === "failed");
  const [failure] = failures;
  if (failure !== undefined) return stoppedBy(failure, failures, input);

  // Recipients of a chat service are named where the grant is signed (docs/decisions/channels.md).
  const naming = isMessage(action) ? choose(standings, (grant) => namesExactly(grant, input)) : null;
  const needs = humanNeeds(input, { risk, signedFor: naming !== null });
  const leases = needs.leasable.length === 0 ? null : choose(standings, (grant) => coversExactly(grant, input));
  const plain = choose(standings, (grant) => !grant.lease) ?? choose(standings, () => true) ?? [];
  const grants = [...new Set(leases ?? naming ?? plain)];
  const reasons = new Set<HoldReason>([...(leases === null ? needs.leasable : []), ...needs.always]);
  if (ownerAsks) reasons.add("owner-asked");
  if (reasons.size === 0) return { kind: "granted", risk, grants, lease: leases?.[0] ?? null };
  // SHOWN-SIGNED-RUN: what an owner cannot be shown in full is not held for one.
  if (!isShownInFull(action)) return denied("too-large", "a streamed body runs under a lease only");
  if (action.driver === INFER_DRIVER) return denied("too-large", "the body for a model runs under a lease only");
  if (actor.heldCount > MAX_HELD) return denied("too-many-held", `${actor.heldCount} actions are held`);
  return { kind: "held", risk, grants, reasons: [...reasons], unendorsed: needs.unendorsed };
}

function isMessage({ verb, driver, name }: Action): boolean {
  return verb === "call" && driver === NET_DRIVER && name === "message";
}

function denied(code: ReasonCode, by: string): Decision {
  return { kind: "denied", code, by, proposal: null };
}

/** What keeps a request from a model, whatever grants say, or null. Labels are those of the whole chain (CHILD-LESS). */
function keptFromModel({ action, chain, infer }: DecisionInput): Decision | null {
  if (action.driver !== INFER_DRIVER || action.verb !== "call") return null;
  const call = decodeInferCall(action.name, action.arguments);
  if (call.kind === "refused") return denied("malformed", call.message);
  const against = checkInfer(call.value, infer, mergeLabels(...chain.map(({ labels }) => labels)));
  return against === null ? null : denied(against.code, against.by);
}

/**
 * What keeps a request from memory, whatever rules say, or null: it must have one reading, and a plane of another agent must
 * be shared with everyone of the chain by a grant in force that names exactly it. Rules alone cannot share one.
 */
function keptFromMemory({ action, chain, grants, usage, now }: DecisionInput): Decision | null {
  if (action.driver !== MEMORY_DRIVER) return null;
  const call = memoryCallOf(action);
  if (call.kind === "refused") return denied("malformed", call.message);
  const { value } = call;
  if (value.agent === action.agent) return null;
  const sharing = (agent: string): readonly { readonly id: string; readonly limit: ReasonCode | null }[] =>
    [...grants.values()]
      .filter((grant) => grant.agents.includes(agent) && sharesPlane([grant], value))
      .map((grant) => ({
        id: grant.id,
        limit: checkLimits(grant, usage.get(grant.id) ?? NO_USAGE, { now, bytes: 0 }),
      }));
  const apart = chain.find(({ agent }) => agent !== value.agent && !sharing(agent).some(({ limit }) => limit === null));
  if (apart === undefined) return null;
  // One that only waits is a grant all the same.
  const waits = sharing(apart.agent).find(({ limit }) => limit === "outside-hours" || limit === "not-yet");
  return waits !== undefined && waits.limit !== null
    ? denied(waits.limit, waits.id)
    : denied("no-grant", `the plane ${planeName(value, action.agent)}`);
}

/** Why a request to the network carries a placeholder where no secret takes its place (SECRETS-OUTSIDE), or null. */
function misplacedSecret(action: Action, injections: readonly Injection[]): string | null {
  if (action.driver !== NET_DRIVER || action.verb !== "call") return null;
  const call = decodeNetCall(action.name, action.arguments);
  if (call.kind === "refused") return null; // the constitution has denied it
  const use = placeholderUse(call.value, injections);
  return use.kind === "misplaced" ? use.why : null;
}

/** The denial for the nearest failure of a chain, with a proposal when grants alone would have helped. */
function stoppedBy(nearest: Failure, failures: readonly Failure[], { action, tool, chain }: DecisionInput): Decision {
  const curable = failures.every((failure) => failure.curable);
  const agents = [...new Set(failures.map((failure) => failure.subject.agent))];
  const proposal = curable ? smallestGrant({ agents, action, tool }) : null;
  if (nearest.subject === chain[0]) return { kind: "denied", code: nearest.code, by: nearest.by, proposal };
  return { kind: "denied", code: "ancestor-denied", by: nearest.subject.instance, proposal };
}

/** For each subject its first usable grant of a kind, by id; null when one of them has none. */
function choose(standings: readonly Standing[], fits: (grant: Grant) => boolean): readonly string[] | null {
  const ids: string[] = [];
  for (const standing of standings) {
    const grant = standing.kind === "passed" ? standing.grants.find(fits) : undefined;
    if (grant === undefined) return null;
    ids.push(grant.id);
  }
  return ids;
}
