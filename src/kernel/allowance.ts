import type { Action, Digest } from "./action.ts";
import type { Allow, Condition, Grant, GrantProposal, ToolClass } from "./grant.ts";
import { isArray, type JsonValue } from "./json.ts";
import { isUnder } from "./paths.ts";
import { restOf } from "./rest.ts";
import { argumentOf, isGiven } from "./risk.ts";

/** Longest text that a proposed condition may hold; what is longer could not be read before it is signed. */
const MAX_CONDITION_TEXT = 1024;

/** One call, its tool's class, and how digests are made. */
export interface Call {
  readonly action: Action;
  readonly tool: ToolClass;
  readonly digest: Digest;
}

/** How a grant names what an action asks for: `driver/tool`, `driver#uri` or `driver@prompt`. */
export function whatOf(action: Action): string {
  const mark = action.verb === "call" ? "/" : action.verb === "read" ? "#" : "@";
  return `${action.driver}${mark}${action.name}`;
}

/**
 * Whether a lease is a human's yes to exactly this call, so that no human is asked again (FLOOR): one of its allows names
 * the very tool, every declared argument and every recipient of the call has a condition there, and each is met, as is
 * what it says of the rest. A call with arguments none of which is declared is covered by no lease, since nothing about it was signed.
 *
 * This does not rely on the policy engine: its yes is needed as well, and a fault there alone cannot open this.
 */
export function coversExactly(lease: Grant, call: Call): boolean {
  return lease.lease && namesExactly(lease, call);
}

/** Whether one of a grant's allows names the very call, argument by argument, as `coversExactly` asks it of a lease. */
export function namesExactly(grant: Grant, { action, tool, digest }: Call): boolean {
  if (action.verb !== "call") return false;
  const what = whatOf(action);
  const governed = governedArguments(action, tool);
  if (!isSpecific(action, governed)) return false;
  return grant.allow.some(
    (allow) =>
      allow.what === what &&
      governed.every((argument) => Object.hasOwn(allow.where, argument)) &&
      isMet(allow, action, digest),
  );
}

/**
 * Whether what a grant says of the rest of a call's arguments leaves room for it. The policy engine is not told of the rest, so
 * what a grant that says something of it permits is looked at here again, line by line.
 */
export function admitsRest(grant: Grant, action: Action, digest: Digest): boolean {
  const what = whatOf(action);
  const lines = grant.allow.filter((allow) => allow.what === what);
  return lines.every(({ rest }) => rest === undefined) || lines.some((allow) => isMet(allow, action, digest));
}

/**
 * The smallest grant that allows this action: its agents, its tool, and equality on every declared argument of the call.
 * Never a lease: where a human is needed, a plain grant lets them be asked, and to go without asking is theirs to think of.
 * Null when a value is too long to be read and signed, or is no value that a condition can hold.
 */
export function smallestGrant(input: {
  readonly agents: readonly string[];
  readonly action: Action;
  readonly tool: ToolClass;
}): GrantProposal | null {
  const { agents, action, tool } = input;
  const governed = action.verb === "call" ? governedArguments(action, tool) : [];
  const where: { [field: string]: Condition } = {};
  for (const argument of governed) {
    const value = argumentOf(action.arguments, argument);
    const condition = value === undefined ? null : equalTo(value);
    if (condition === null) return null;
    where[argument] = condition;
  }
  const allow: Allow = { what: whatOf(action), where };
  return { agents, allow: [allow], lease: false };
}

/**
 * Arguments of a call about which an owner said something: declared fields and recipients. Null and the empty list are
 * absent; so is the empty recipient.
 */
function governedArguments(action: Action, tool: ToolClass): readonly string[] {
  const fields = Object.keys(tool.fields).filter((field) => {
    const value = argumentOf(action.arguments, field);
    return value === "" || isGiven(value);
  });
  const recipients = Object.keys(tool.recipients).filter((name) => isGiven(argumentOf(action.arguments, name)));
  return [...new Set([...fields, ...recipients])];
}

/** Whether there is anything exact to say about a call: governed arguments, or no arguments at all. */
function isSpecific(action: Action, governed: readonly string[]): boolean {
  return governed.length > 0 || Object.keys(action.arguments).length === 0;
}

function isMet({ where, rest }: Allow, action: Action, digest: Digest): boolean {
  const met = Object.entries(where).every(([argument, condition]) => {
    const value = argumentOf(action.arguments, argument);
    return value !== undefined && meets(value, condition);
  });
  return met && (rest === undefined || rest.includes(restOf(where, action.arguments, digest)));
}

/**
 * Whether a value meets a condition. Of a list every item must, and there must be one: "nobody" is not one of those
 * named. A value of another type than the condition's does not.
 */
export function meets(value: JsonValue, condition: Condition): boolean {
  if (isArray(value))
    return value.length > 0 && value.every((item) => typeof item === "string" && isNamed(item, condition));
  if ("under" in condition) return typeof value === "string" && isUnder(value, condition.under);
  if ("max" in condition) return typeof value === "number" && value <= condition.max;
  return isNamed(value, condition);
}

function isNamed(value: JsonValue, condition: Condition): boolean {
  if ("equals" in condition) return value === condition.equals;
  return "in" in condition && typeof value === "string" && condition.in.includes(value);
}

function equalTo(value: JsonValue): Condition | null {
  if (typeof value === "number" || typeof value === "boolean") return { equals: value };
  if (typeof value === "string") return value.length <= MAX_CONDITION_TEXT ? { equals: value } : null;
  if (value === null || !isArray(value)) return null;
  const texts = value.filter((item) => typeof item === "string");
  const readable = texts.length === value.length && texts.join("").length <= MAX_CONDITION_TEXT;
  return readable ? { in: [...new Set(texts)] } : null;
}
