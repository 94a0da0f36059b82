import type { AwayAnswer } from "../kernel/away.ts";
import type { ReasonCode, Stage } from "../kernel/codes.ts";
import type { Grant, Label, Risk } from "../kernel/grant.ts";
import type { Usage } from "../kernel/decision.ts";
import type { Provider, Spent } from "../kernel/infer.ts";
import type { ExtensionKind } from "../protocol/extension.ts";
import type { Provenance } from "../protocol/provenance.ts";
import type { Publication } from "../protocol/publisher.ts";
import { NO_PUBLISHERS, type Publishers } from "../protocol/publishers.ts";
import { NO_TELEMETRY, type TelemetrySetting } from "../protocol/telemetry-setting.ts";
import { MemoryBook } from "../kernel/memory-book.ts";
import { NO_WITNESSES, type WitnessSet } from "../protocol/witness-set.ts";
import { HeldSet } from "./held-set.ts";
import { type Expired, NO_RULES, type Rules } from "./retention-state.ts";
import type { LoginTerms } from "../kernel/secret-document.ts";
import type { Demand } from "../protocol/second-screen.ts";
import type { OwnerDocument } from "../protocol/owner-key.ts";
import type { Binding } from "../kernel/secrets.ts";
import type { SshBinding } from "../kernel/ssh-binding.ts";

/** An owner whose key is enrolled. */
export interface Owner extends OwnerDocument {
  /** Milliseconds since 1970 UTC. */
  readonly since: number;
  /** Highest sign count that a passkey has shown; 0 for one that does not count, and for other keys. */
  count: number;
}

/** How an owner who lost their key comes back (docs/decisions/owners.md). */
export interface RecoveryState {
  /** From the use of a code to the enrolment, milliseconds. */
  readonly wait: number;
  /** Id of the key of the owner who made the codes; null when there are none. */
  readonly by: string | null;
  /** By the id of the code's key, in the order in which they were made. */
  readonly codes: ReadonlyMap<string, { readonly salt: string; readonly key: string; readonly used: boolean }>;
  readonly pending: PendingRecovery | null;
}

/** A home begins so. */
export const NO_RECOVERY: RecoveryState = Object.freeze({ wait: 0, by: null, codes: new Map(), pending: null });

/** A recovery that waits. */
export interface PendingRecovery {
  /** Number of its record. */
  readonly record: number;
  /** Id of the key that is to be an owner's. */
  readonly owner: string;
  readonly document: OwnerDocument;
  /** Milliseconds since 1970 UTC. */
  readonly due: number;
}

/** A stretch in which nobody is there to be asked. */
export interface AwayState {
  /** Milliseconds since 1970 UTC, as `until`. */
  readonly since: number;
  readonly until: number;
  readonly asked: AwayAnswer;
  /** Ids of the leases that came with it. */
  readonly leases: readonly string[];
  readonly ended: boolean;
}

export interface GrantState {
  readonly grant: Grant;
  readonly key: string;
  revoked: boolean;
}

export type InstanceLife = "running" | "frozen" | "ended" | "terminal";

export interface InstanceState {
  readonly instance: string;
  readonly agent: string;
  /** Nearest ancestor first. */
  readonly ancestry: readonly string[];
  readonly workspace: string | null;
  readonly strict: boolean;
  /** Stages at which an owner wants to see every action of it and of all below it; none is none. */
  holdAt: readonly Stage[];
  readonly holdSeconds: number;
  /** Words that AIOS itself took from the human, in order. */
  readonly words: readonly string[];
  readonly since: number;
  life: InstanceLife;
  why: string | null;
  exit: number | null;
  labels: readonly Label[];
  done: number;
  denied: number;
}

/** A secret as the log knows it: nothing of its value but the commitment to it. */
export interface SecretState {
  readonly secret: string;
  readonly commitment: string;
  /** Where its tokens are renewed, when it is a login; null for a value. */
  readonly login: LoginTerms | null;
  readonly key: string;
  /** Milliseconds since 1970 UTC. */
  readonly since: number;
  /** By destination. */
  readonly bindings: ReadonlyMap<string, Binding>;
  /** The same for a key of SSH. */
  readonly ssh: ReadonlyMap<string, SshBinding>;
}

export interface HeldState {
  /** Number of its record: the later it was held, the higher. */
  readonly record: number;
  readonly request: string;
  readonly instance: string;
  readonly agent: string;
  readonly what: string;
  /** Canonical bytes of the action, as text. */
  readonly text: string;
  readonly digest: string;
  readonly risk: Risk;
  readonly reasons: readonly string[];
  readonly since: number;
  readonly expires: number;
}

export interface OpenIntent {
  readonly seq: number;
  readonly instance: string;
  readonly agent: string;
  readonly ancestry: readonly string[];
  readonly action: string;
  readonly what: string;
  readonly risk: Risk;
  readonly labels: readonly Label[];
  readonly policy: string;
  readonly grants: readonly string[];
  /** What a call of a model was expected to spend. */
  readonly spent?: Spent;
}

/**
 * What the log says is so. Changed only by `reducer.ts`, from records that are durable; everything else reads it.
 * Rebuilt at every start, so that it never says anything that the log does not.
 */
export interface State {
  /** By the id of the key; who was removed is not there. */
  readonly owners: Map<string, Owner>;
  recovery: RecoveryState;
  /** Every grant that was ever signed, revoked ones too: an id is never used again. */
  readonly grants: Map<string, GrantState>;
  /** Those that are not revoked, as the decision takes them. */
  readonly active: Map<string, Grant>;
  /** The same by agent, so that an action costs the same with ten grants of others and ten thousand. */
  readonly byAgent: Map<string, Map<string, Grant>>;
  readonly usage: Map<string, Usage>;
  readonly secrets: Map<string, SecretState>;
  readonly providers: Map<string, Provider>;
  /** Who cosigns the log's checkpoints, and what waits for that. */
  witnesses: WitnessSet;
  /** What each of them found of the log, by its name, the newest: a setting that an owner signs ends it. */
  readonly witnessed: Map<string, FoundByWitness>;
  /** What of the log is shown to whom, and the record that says so. */
  telemetry: { readonly setting: TelemetrySetting; readonly record: number };
  /** Whose extensions are taken. */
  publishers: Publishers;
  /** For what a yes in a browser takes the code that a terminal tells. */
  secondScreen: Demand;
  policyText: string;
  readonly instances: Map<string, InstanceState>;
  /** Those that a start of the monitor found running, until the log has a record of their end. */
  readonly cutOff: Set<string>;
  /** Agents that an attempt to climb ended; an owner must restart them. */
  readonly tombstones: Map<string, { readonly code: ReasonCode; readonly instance: string }>;
  readonly held: HeldSet;
  /** Intents without an outcome. */
  readonly open: Map<number, OpenIntent>;
  /** Drivers that changed after they were signed for, by their pins: until an owner signs a grant over that pin anew. */
  readonly quarantined: Map<string, QuarantinedPin>;
  /** Everything is frozen: by the record of this number, null until that is durable. Null altogether when it is not. */
  allFrozen: { readonly record: number | null } | null;
  /** The last time that somebody went away; null when nobody ever did. */
  away: AwayState | null;
  /** Files that owners put into agents' homes: digests by path, by agent. */
  readonly sealed: Map<string, Map<string, string>>;
  /** Extensions in the store, by their ids. */
  readonly extensions: Map<string, ExtensionState>;
  /** Extensions, in the store or not, that were put into quarantine and that no owner has signed a grant for since; and why. */
  readonly barred: Map<string, string>;
  /** What was verified of the attestations of extensions, by their ids. */
  readonly attested: Map<string, Provenance>;
  /** What was verified of their publishers' signatures, where they have one. */
  readonly published: Map<string, Publication>;
  /** What memory holds, and its rules. */
  readonly memory: MemoryBook;
  /** Records whose payloads owners had erased. */
  readonly erased: Set<number>;
  /** For how long payloads are kept, and which of them went by that. */
  retention: Rules;
  readonly expired: Expired;
  /**
   * While the log is replayed: intents, and outcomes of calls of models, whose payloads are gone, until the record that says
   * why and what they count for. Milliseconds since 1970 UTC of each, by its number.
   */
  readonly unexplained: Map<number, number>;
  /** Latest time that the log has seen, milliseconds since 1970 UTC. */
  highWater: number;
}

/** A witness had seen this log otherwise. */
export interface FoundByWitness {
  readonly code: "rolled-back" | "forked";
  /** Records of the log that it was asked about. */
  readonly size: number;
  /** Records that it had seen. */
  readonly seen: number;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly record: number;
}

/** What was found in the place of a driver that was signed for. */
export interface QuarantinedPin {
  /** The pin that was found. */
  readonly found: string;
  /** Milliseconds since 1970 UTC. */
  readonly since: number;
  readonly record: number;
}

/** An extension in the store. */
export interface ExtensionState {
  readonly id: string;
  /** Digest of what is kept of it beside its tree. */
  readonly manifest: string;
  readonly kind: ExtensionKind;
  readonly name: string;
  readonly version: string | null;
  readonly source: string;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  /** Why it is in quarantine, or null. */
  readonly quarantined: string | null;
}

export function emptyState(): State {
  return {
    owners: new Map(),
    recovery: NO_RECOVERY,
    grants: new Map(),
    active: new Map(),
    byAgent: new Map(),
    usage: new Map(),
    secrets: new Map(),
    providers: new Map(),
    witnesses: NO_WITNESSES,
    witnessed: new Map(),
    telemetry: { setting: NO_TELEMETRY, record: 0 },
    publishers: NO_PUBLISHERS,
    secondScreen: "nothing",
    policyText: "",
    instances: new Map(),
    cutOff: new Set(),
    tombstones: new Map(),
    held: new HeldSet(),
    open: new Map(),
    quarantined: new Map(),
    allFrozen: null,
    away: null,
    sealed: new Map(),
    extensions: new Map(),
    barred: new Map(),
    attested: new Map(),
    published: new Map(),
    memory: new MemoryBook(),
    erased: new Set(),
    retention: NO_RULES,
    expired: { next: new Map(), passed: new Set(), unsettled: [] },
    unexplained: new Map(),
    highWater: 0,
  };
}
