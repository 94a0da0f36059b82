import { decodeAction, type Action, type Digest, type Proposal, type Verb, type Who } from "./action.ts";
import { canonicalize } from "./canonical.ts";
import { REASONS, type ReasonCode, type Stage } from "./codes.ts";
import { checkConsent, type Consent } from "./consent.ts";
import { decideAction, type Decision, type DecisionInput } from "./decision.ts";
import { refuse, type Refusal } from "./decoded.ts";
import { KernelFault } from "./fault.ts";
import type { GrantProposal, Label, Risk, ToolClass } from "./grant.ts";
import { deepFreeze, parseJson, type JsonBounds } from "./json.ts";
import { mergeLabels } from "./labels.ts";
import { waitsFor } from "./limits.ts";
import { RESERVED_DRIVER, SHA256 } from "./names.ts";
import { NET_DRIVER, nameRequest } from "./net.ts";
import { MEMORY_DRIVER, MEMORY_READ } from "./memory.ts";
import { effectiveRisk, PROMPT, READ, UNCLASSIFIED } from "./risk.ts";
import type { Staged, Stopped } from "./staged.ts";

export type { Consent } from "./consent.ts";
export type { Staged, Stopped, Terminal } from "./staged.ts";

/**
 * The pipeline: decide → select → validate → approve, and then `redeem`, whose ticket is what execute and audit run on.
 *
 * Each stage takes the value that only the stage before can make, and uses it up, whatever comes of it. The classes are
 * exported as types only, their constructors want a key that never leaves this module, and what they hold is frozen: no
 * code outside can make a stage's value, change it, use it twice or leave a stage out. A value that was made in any other
 * way is a KernelFault `forged`, a second use `used-twice`.
 */

/** What is known of an action at any stage. */
interface Facts {
  readonly action: Action;
  /** RFC 8785 text of the action. */
  readonly text: string;
  /** `sha256:…` of the text. */
  readonly digest: string;
}
interface DecidedFacts extends Facts {
  readonly stage: "decided";
}
interface SelectedFacts extends Facts {
  readonly stage: "selected";
  readonly pin: string;
  readonly tool: ToolClass;
  readonly risk: Risk;
}
interface ValidatedFacts extends Omit<SelectedFacts, "stage"> {
  readonly stage: "validated";
  readonly policy: string;
  readonly decision: GrantedOrHeld;
}
interface ApprovedFacts extends Omit<ValidatedFacts, "stage"> {
  readonly stage: "approved";
  readonly decider: Decider;
}
interface AnyFacts extends Facts {
  readonly stage: string;
}

/** A decision that lets an action go on, at once or after a human. */
export type GrantedOrHeld = Extract<Decision, { readonly kind: "granted" | "held" }>;

/** Who let an action through: grants by themselves, or an owner by a signed statement. */
export type Decider =
  { readonly kind: "grant"; readonly grants: readonly string[] } | { readonly kind: "owner"; readonly key: string };

/** The kernel's own canonical texts: the decoder that follows has its bounds. */
const OWN_TEXT: JsonBounds = { maxLength: Infinity, maxDepth: Infinity, maxValues: Infinity };

/** Held by this module alone; without it no stage value can be constructed, not even through `value.constructor`. */
const KEY: unique symbol = Symbol("stage");

class Once<F extends AnyFacts> {
  readonly #facts: F;
  #used = false;

  constructor(key: typeof KEY, facts: F) {
    if (key !== KEY) throw new KernelFault("forged", "a stage's value is made by the stage before it only");
    this.#facts = Object.freeze(facts);
  }

  get action(): Action {
    return this.#facts.action;
  }
  get digest(): string {
    return this.#facts.digest;
  }
  /** A look without use. Everything in it is frozen. */
  protected get facts(): F {
    return this.#facts;
  }

  /** Uses the value up and gives its facts. Checked at run time too, since a cast can say anything. */
  static use<F extends AnyFacts>(value: Once<F>, stage: F["stage"], key: typeof KEY): F {
    if (
      key !== KEY ||
      typeof value !== "object" ||
      value === null ||
      !(#facts in value) ||
      value.#facts.stage !== stage
    ) {
      throw new KernelFault("forged", `not a value of the stage "${stage}"`);
    }
    if (value.#used)
      throw new KernelFault("used-twice", `action ${value.#facts.action.request} was ${stage} and used before`);
    value.#used = true;
    return value.#facts;
  }
}

class DecidedValue extends Once<DecidedFacts> {}
class SelectedValue extends Once<SelectedFacts> {
  get risk(): Risk {
    return this.facts.risk;
  }
  get pin(): string {
    return this.facts.pin;
  }
  get tool(): ToolClass {
    return this.facts.tool;
  }
}
class ValidatedValue extends Once<ValidatedFacts> {
  get risk(): Risk {
    return this.facts.risk;
  }
  get pin(): string {
    return this.facts.pin;
  }
  get decision(): GrantedOrHeld {
    return this.facts.decision;
  }
}
class ApprovedValue extends Once<ApprovedFacts> {
  get risk(): Risk {
    return this.facts.risk;
  }
  get decider(): Decider {
    return this.facts.decider;
  }
}
for (const stage of [Once, DecidedValue, SelectedValue, ValidatedValue, ApprovedValue]) {
  Object.freeze(stage);
  Object.freeze(stage.prototype);
}

/** An action with its canonical text and digest. */
export type Decided = DecidedValue;
/** One whose driver, pin and tool class are known. */
export type Selected = SelectedValue;
/** One that constitution, policy, grants and limits let through, at once or after a human. */
export type Validated = ValidatedValue;
/** One that nothing but the intent record stands before. */
export type Approved = ApprovedValue;

/** What `decide` knows of where a proposal came from. An `Action` is one that was held and is taken up again. */
export interface DecideInput {
  readonly proposal: Proposal | Action;
  readonly who: Who;
  readonly state: "running" | "frozen" | "ended" | "terminal";
  readonly clock: "steady" | "jumped";
}

/**
 * First stage: makes the canonical action and its digest.
 * The action is what its own canonical text parses to, so that what is signed, recorded and run cannot differ.
 * Throws KernelFault `bad-digest` when the digest function gives none, `not-json` when the proposal is no JSON value.
 */
export function decide(input: DecideInput, digest: Digest): Staged<Decided> {
  const { proposal, who, state, clock } = input;
  // Nothing of the proposal is repeated before it is decoded: until then its name may hold anything.
  const about = { stage: "decide", what: () => "take the proposal" } as const;
  if (state !== "running") return stop(about, "instance-stopped", state);
  if (clock !== "steady") return stop(about, "clock-jumped", clock);
  const decoded = canonicalAction(proposal, who);
  if (decoded.kind === "refused") return stop(about, decoded.code, decoded.message);
  const { action, text } = decoded;
  const { request, agent, instance } = action;
  if (request !== who.request || agent !== who.agent || instance !== who.instance) {
    return stop(about, "malformed", "the action is another request's, agent's or instance's");
  }
  const sum = digest(text);
  if (!SHA256.test(sum)) throw new KernelFault("bad-digest", `the digest of ${request} is no SHA-256`);
  return next(new DecidedValue(KEY, { stage: "decided", action, text, digest: sum }));
}

/** What is known of a driver of one instance. */
export type DriverState =
  | {
      readonly kind: "ready";
      /** `sha256:…` of what runs now. */
      readonly pin: string;
      /** `sha256:…` that the owner signed for. */
      readonly expected: string;
      readonly tools: { readonly [tool: string]: ToolClass };
      offers(verb: Verb, name: string): boolean;
    }
  | { readonly kind: "quarantined" | "unpublished" | "shadowed" | "unknown" | "unavailable" };
export type DriverLookup = (driver: string) => DriverState;

const NOT_READY: { readonly [kind in Exclude<DriverState["kind"], "ready">]: ReasonCode } = {
  quarantined: "quarantined",
  unpublished: "publisher-unknown",
  shadowed: "shadowed-driver",
  unknown: "unknown-tool",
  unavailable: "driver-unavailable",
};

/**
 * Second stage: resolves the action to one pinned driver and the class its owner gave the tool. A tool without a class
 * is `UNCLASSIFIED`. The substrate's own name is nobody's driver; calling it ends the instance (TERMINAL).
 */
export function select(decided: Decided, drivers: DriverLookup): Staged<Selected> {
  const { stage: _, ...facts } = Once.use(decided, "decided", KEY);
  const { verb, driver, name, arguments: args } = facts.action;
  const about = { stage: "select", what: () => describe(facts.action) } as const;
  if (driver === RESERVED_DRIVER) return { kind: "terminal", stage: "select", code: "control-verb", by: "C1-control" };
  const found = drivers(driver);
  if (found.kind !== "ready") return stop(about, NOT_READY[found.kind], driver);
  const { pin, expected, tools } = found;
  if (pin === "" || pin !== expected) return stop(about, "pin-changed", driver);
  if (!found.offers(verb, name)) return stop(about, "unknown-tool", name);
  // Own keys only: a tool named `constructor` has no class.
  const reading = driver === MEMORY_DRIVER ? MEMORY_READ : READ;
  const tool =
    verb === "call" ? (Object.hasOwn(tools, name) ? tools[name] : undefined) : verb === "read" ? reading : PROMPT;
  const risk = effectiveRisk(tool, verb, args);
  return next(
    new SelectedValue(KEY, { stage: "selected", ...facts, pin, tool: frozenTool(tool ?? UNCLASSIFIED), risk }),
  );
}

/** All that `decideAction` needs and the pipeline does not know itself. `ownerAsks`: an owner wants this action held. */
export type ValidateInput = Omit<DecisionInput, "action" | "tool"> & { readonly ownerAsks: boolean };

/** Third stage: constitution, policy, grants and limits, for the instance and every ancestor (see `decideAction`). */
export function validate(selected: Selected, input: ValidateInput): Staged<Validated> {
  const { stage: _, ...facts } = Once.use(selected, "selected", KEY);
  const { action, tool } = facts;
  const about = { stage: "validate", what: () => describe(action) } as const;
  const policy = input.evaluator.version;
  const decision = deepFreeze(decideAction({ ...input, action, tool }, input.ownerAsks));
  if (decision.kind === "terminal") return { ...decision, stage: "validate" };
  if (decision.kind === "denied") {
    const stopped = stop(about, decision.code, decision.by, decision.proposal);
    const waits = waitsFor(decision, input);
    return waits === null ? stopped : { ...stopped, message: `${stopped.message}: ${waits}` };
  }
  return next(new ValidatedValue(KEY, { stage: "validated", ...facts, policy, decision }));
}

/** An owner's answer, or none. */
export type Approval = { readonly kind: "none" } | { readonly kind: "consent"; readonly consent: Consent };

/** How things stand at the moment of approval. `grantsStillGood`: none of the decision's grants was revoked since. */
export interface Current {
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
  readonly policy: string;
  readonly start: string;
  readonly grantsStillGood: boolean;
}

/**
 * Fourth stage: what was granted goes on, what is held needs an owner's consent to exactly this action. A consent that
 * is there is checked in either case, and anything that moved since stops the action.
 */
export function approve(validated: Validated, approval: Approval, current: Current): Staged<Approved> {
  const { stage: _, ...facts } = Once.use(validated, "validated", KEY);
  const { action, digest, decision } = facts;
  const about = { stage: "approve", what: () => describe(action) } as const;
  if (!current.grantsStillGood) return stop(about, "revoked", decision.grants.join(" "));
  if (current.policy !== facts.policy) return stop(about, "moved", "policy");
  if (approval.kind === "none") {
    if (decision.kind !== "granted") return stop(about, "hold-expired", decision.reasons.join(" "));
    const decider: Decider = Object.freeze({ kind: "grant", grants: decision.grants });
    return next(new ApprovedValue(KEY, { ...facts, stage: "approved", decider }));
  }
  const { policy, start, now } = current;
  const misfit = checkConsent(approval.consent, { request: action.request, digest, policy, start, now });
  if (misfit !== null) return stop(about, misfit.code, misfit.by);
  const decider: Decider = Object.freeze({ kind: "owner", key: approval.consent.key });
  return next(new ApprovedValue(KEY, { ...facts, stage: "approved", decider }));
}

/** What execute and audit run on: one action that may have its effect once. Frozen; only `redeem` makes one. */
class TicketValue {
  readonly action: Action;
  /** The canonical text of the action: what the driver is given is parsed from exactly this. */
  readonly text: string;
  readonly digest: string;
  readonly pin: string;
  readonly risk: Risk;
  readonly decider: Decider;
  /** Ids of the grants whose usage this counts towards. */
  readonly grants: readonly string[];
  readonly lease: string | null;
  /** Labels that the instance collects with the result. */
  readonly labels: readonly Label[];
  readonly #genuine = true;

  constructor(key: typeof KEY, facts: ApprovedFacts) {
    if (key !== KEY) throw new KernelFault("forged", "a ticket is made by redeem only");
    this.action = facts.action;
    this.text = facts.text;
    this.digest = facts.digest;
    this.pin = facts.pin;
    this.risk = facts.risk;
    this.decider = facts.decider;
    this.grants = facts.decision.grants;
    this.lease = facts.decision.kind === "granted" ? facts.decision.lease : null;
    this.labels = deepFreeze(mergeLabels(facts.tool.labels));
    Object.freeze(this);
  }

  static isGenuine(value: unknown): value is TicketValue {
    return typeof value === "object" && value !== null && #genuine in value && value.#genuine;
  }
}
Object.freeze(TicketValue.prototype);
export type Ticket = TicketValue;

/** The way out of the pipeline: uses an approved action up and gives the ticket on which a driver may be called once. */
export function redeem(approved: Approved): Ticket {
  return new TicketValue(KEY, Once.use(approved, "approved", KEY));
}

/** Whether a value is a ticket that `redeem` made. */
export function isTicket(value: unknown): value is Ticket {
  return TicketValue.isGenuine(value);
}

function canonicalAction(
  proposal: Proposal | Action,
  who: Who,
): { kind: "ok"; action: Action; text: string } | Refusal {
  const text = canonicalize({ v: 1, ...who, ...proposal });
  const parsed = parseJson(text, OWN_TEXT);
  if (parsed.kind === "refused") return refuse(parsed.code, parsed.message);
  const decoded = decodeAction(parsed.value, text);
  return decoded.kind === "refused" ? decoded : { kind: "ok", action: deepFreeze(decoded.value), text };
}

/** What is frozen throughout needs no copy, and keeps its identity for those who remember what they made of it. */
function frozenTool(tool: ToolClass): ToolClass {
  return [tool, tool.labels, tool.fields, tool.recipients].every(Object.isFrozen) ? tool : copyOf(tool);
}

function copyOf(tool: ToolClass): ToolClass {
  const { risk, labels, fields, recipients } = tool;
  return deepFreeze({ risk, labels: [...labels], fields: { ...fields }, recipients: { ...recipients } });
}

function describe(action: Action): string {
  const what = `${action.verb} ${action.driver}/${action.name}`;
  return action.driver === NET_DRIVER ? `${what} ${nameRequest(action.arguments)}` : what;
}

/** What decided, called what it is: a bare name could be an agent's, a rule's or a grant's. */
function named(code: ReasonCode, by: string): string {
  if (by.startsWith("the ")) return by;
  if (code === "no-grant") return `none of ${by}'s`;
  if (code === "forbidden" || code === "policy-error") return `rule ${by}`;
  const byGrant = code.startsWith("limit-") || code === "expired" || code === "not-yet" || code === "outside-hours";
  return byGrant ? `grant ${by}` : by;
}

function next<T>(value: T): Staged<T> {
  return { kind: "next", value };
}

function stop(
  about: { readonly stage: Stage; readonly what: () => string },
  code: ReasonCode,
  by: string,
  proposal: GrantProposal | null = null,
): Stopped {
  const message = `Cannot ${about.what()}: ${REASONS[code]} (${named(code, by)})`;
  return { kind: "stopped", stage: about.stage, code, by, proposal, message };
}
