import type { Digest, Proposal } from "../kernel/action.ts";
import type { Stage } from "../kernel/codes.ts";
import type { DecisionInput, Evaluator } from "../kernel/decision.ts";
import type { Approval, DriverLookup } from "../kernel/pipeline.ts";
import type { Decider } from "../protocol/record.ts";
import type { Outcome } from "../protocol/requests.ts";
import type { RunningDriver } from "./driver-pool.ts";
import type { ExecutePowers } from "./execute.ts";
import type { Climb, LiveInstance } from "./live.ts";
import type { MonitorPowers } from "./powers.ts";
import type { HeldState } from "./state.ts";
import type { OwnerAnswer } from "./statement-effects.ts";
import type { TrustedClock } from "./trusted-clock.ts";

export interface StageEvent {
  readonly instance: string;
  readonly request: string;
  readonly what: string;
  readonly stage: Stage;
  readonly verdict: string;
}

export interface ConductPorts extends ExecutePowers {
  readonly powers: Pick<MonitorPowers, "random" | "timer">;
  readonly trusted: TrustedClock;
  readonly digest: Digest;
  /** Start id of this monitor. */
  readonly start: string;
  readonly ownPaths: readonly string[];
  evaluator(): Evaluator;
  /** Starts the driver when it does not run yet; null when it cannot be had (the lookup says why). */
  /** What is known beside the grants when an action of this driver is decided. */
  facts(live: LiveInstance, driver: string): Pick<DecisionInput, "injections" | "infer">;
  openDriver(live: LiveInstance, name: string): Promise<RunningDriver | null>;
  lookup(live: LiveInstance): DriverLookup;
  /** The same by what owners signed alone, for whom nothing is run: no driver has to be there. */
  signed(live: LiveInstance): DriverLookup;
  /** An attempt to climb: ends the instance at once. */
  climbed(live: LiveInstance, climb: Climb): Promise<void>;
  freeze(live: LiveInstance, why: { by: Decider; code: string }): Promise<void>;
  emit(event: StageEvent): void;
}

/** What an action passes the stages with; its driver is found as `lookupFor` says where nothing else is said. */
export interface Passing {
  readonly approval: Approval;
  readonly lookup?: ConductPorts["lookup"];
}

/** What finds the driver of an action: for an owner's no, which runs nothing, none has to be there. */
export function lookupFor(ports: ConductPorts, approval: Approval): ConductPorts["lookup"] {
  return approval.kind === "consent" && approval.consent.decision === "deny" ? ports.signed : ports.lookup;
}

/** Leads actions through the six stages: decide, select, validate, approve, execute, audit (DESIGN 4). */
export interface Conduct {
  /**
   * Resolves when the action is done, was stopped, or a human has answered. Never rejects. `waits`: as in the request; what was held
   * goes on with a ticket all the same.
   */
  propose(live: LiveInstance, proposal: Proposal, token: number, waits?: boolean): Promise<Outcome>;
  /** An owner's verified answer to a held action; resolves with the number of its record, `approved` or `denied`. */
  settle(live: LiveInstance, answer: OwnerAnswer): Promise<number>;
  /** Decides a held action anew: ends it, runs it under a lease that covers it now, or leaves it. */
  reconsider(live: LiveInstance, held: HeldState): Promise<void>;
  /** Ends a hold without an owner. */
  release(live: LiveInstance, request: string, code: ReleaseCode): Promise<void>;
}

/** Why a hold ends of itself. */
export type ReleaseCode = "withdrawn" | "hold-expired" | "held-flood";

/** Tokens from here on are the monitor's, of calls that no face waits for. */
export const OWN_TOKENS: number = 2 ** 40;

/** One action on its way. */
export interface Asked {
  readonly live: LiveInstance;
  readonly request: string;
  readonly what: string;
  readonly token: number;
  /** Whether a stream of the face waits for it at the broker; of what was held none does. */
  readonly waits?: boolean;
}
