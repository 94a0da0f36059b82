import type { EntityUidJson, PolicyJson } from "@cedar-policy/cedar-wasm/nodejs";
import { isObject } from "./unknown.ts";

/** Which requests a rule can match at all. `null` is any; `never` is none, because no request has such an entity. */
export interface RuleScope {
  readonly agent: string | null;
  /** Ids of actions or action groups. */
  readonly actions: readonly string[] | null;
  readonly driver: string | null;
  readonly never: boolean;
}

/** Parts of the context that a rule names. The rest need not be sent with a request for it. */
export interface RuleNames {
  /** Fields of `context.args`; null when the rule may look at all of them. */
  readonly args: readonly string[] | null;
  /** `risk`, `labels`, `digest`; null when the rule may look at the whole context. */
  readonly context: readonly string[] | null;
  /** Every action or action group that occurs in the rule. */
  readonly actions: readonly string[];
}

/** What a rule's scope says, from Cedar's own reading of it (docs.cedarpolicy.com, policies/json-format). */
export function readScope(policy: PolicyJson): RuleScope {
  const agent = readEntity(policy.principal, "Agent");
  const driver = readEntity(policy.resource, "Driver");
  const actions = readActions(policy);
  return { agent: agent.id, actions, driver: driver.id, never: agent.never || driver.never };
}

interface EntityScope {
  readonly id: string | null;
  readonly never: boolean;
}

/** Agents and drivers have no groups: `in` means the same as `==`. */
function readEntity(constraint: PolicyJson["principal"], type: "Agent" | "Driver"): EntityScope {
  if (constraint.op === "is") {
    const within = constraint.in;
    const inner = within !== undefined && "entity" in within ? entityScope(within.entity, type) : ANYONE;
    return { id: inner.id, never: inner.never || constraint.entity_type !== type };
  }
  return "entity" in constraint ? entityScope(constraint.entity, type) : ANYONE;
}

const ANYONE: EntityScope = { id: null, never: false };

function entityScope(entity: EntityUidJson, type: string): EntityScope {
  const uid = plainUid(entity);
  return { id: uid.id, never: uid.type !== type };
}

function readActions(policy: PolicyJson): readonly string[] | null {
  const constraint = policy.action;
  if (constraint.op === "in" && "entities" in constraint) return constraint.entities.map((uid) => plainUid(uid).id);
  return "entity" in constraint ? [plainUid(constraint.entity).id] : null;
}

function plainUid(entity: EntityUidJson): { readonly type: string; readonly id: string } {
  return "type" in entity ? entity : entity["__entity"];
}

/**
 * Which parts of the context a rule names. What is not understood counts as naming everything: a rule must never be
 * shown less than it looks at, or a `has` in a forbid would be false when it should be true.
 */
export function readNames(policy: PolicyJson): RuleNames {
  const found: Found = { args: new Set(), context: new Set(), actions: new Set(readActions(policy) ?? []) };
  for (const clause of policy.conditions) walk(clause.body, found);
  return {
    args: found.args === null ? null : [...found.args],
    context: found.context === null ? null : [...found.context],
    actions: [...found.actions],
  };
}

interface Found {
  args: Set<string> | null;
  context: Set<string> | null;
  readonly actions: Set<string>;
}

/** One node of Cedar's JSON syntax tree: an object with the operator as its only key. */
function walk(node: unknown, found: Found): void {
  if (Array.isArray(node)) {
    for (const item of node) walk(item, found);
    return;
  }
  if (!isObject(node)) return;
  for (const [operator, operand] of Object.entries(node)) {
    switch (operator) {
      case "Var":
        // `context` by itself: compared, or put in a set or record.
        if (operand === "context") noteAll(found);
        break;
      case "Value":
        walkLiteral(operand, found);
        break;
      case "Record":
        // The keys are names of the rule's author and no operators.
        if (isObject(operand)) walk(Object.values(operand), found);
        break;
      case ".":
      case "has":
        walkAccess(operand, found);
        break;
      default:
        walk(isObject(operand) ? Object.values(operand) : operand, found);
    }
  }
}

/** `left.attr`, `left has attr` and `left has a.b.c`, where left may itself be an access. */
function walkAccess(operand: unknown, found: Found): void {
  const path = accessPath(operand);
  if (path === null) {
    if (isObject(operand)) walk(operand["left"], found);
    return;
  }
  const [top, field] = path;
  if (top === undefined) return noteAll(found);
  if (top !== "args") {
    found.context?.add(top);
  } else if (field === undefined) {
    found.args = null;
  } else {
    found.args?.add(field);
  }
}

/** The attributes from `context` on, or null when the access does not start at `context`. */
function accessPath(operand: unknown): readonly string[] | null {
  if (!isObject(operand)) return null;
  const attribute = operand["attr"];
  const steps = (Array.isArray(attribute) ? attribute : [attribute]).map(String);
  const left = operand["left"];
  if (!isObject(left)) return null;
  if (left["Var"] === "context") return steps;
  const before = left["."] === undefined ? null : accessPath(left["."]);
  return before === null ? null : [...before, ...steps];
}

function walkLiteral(value: unknown, found: Found): void {
  if (Array.isArray(value)) {
    for (const item of value) walkLiteral(item, found);
    return;
  }
  if (!isObject(value)) return;
  const entity = value["__entity"];
  if (isObject(entity) && entity["type"] === "Action") found.actions.add(String(entity["id"]));
  for (const item of Object.values(value)) walkLiteral(item, found);
}

function noteAll(found: Found): void {
  found.args = null;
  found.context = null;
}
