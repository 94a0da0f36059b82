import type { Action } from "./action.ts";
import type { ReasonCode } from "./codes.ts";
import type { Grant, GrantProposal, Label, Risk, ToolClass } from "./grant.ts";

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
}

export interface DecisionInput {
  readonly action: Action;
  readonly tool: ToolClass;
  /** Acting instance first, then its ancestors, nearest first. */
  readonly chain: readonly [Subject, ...Subject[]];
  readonly grants: ReadonlyMap<string, Grant>;
  readonly usage: ReadonlyMap<string, Usage>;
  readonly evaluator: Evaluator;
  /** Trusted time, milliseconds since 1970 UTC. */
  readonly now: number;
  /** Host paths that belong to the substrate: its home. Absolute. */
  readonly ownPaths: readonly string[];
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
