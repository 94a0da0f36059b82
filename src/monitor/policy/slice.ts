import type { CedarValueJson, Context, EntityJson } from "@cedar-policy/cedar-wasm/nodejs";
import type { Action, Digest } from "../../kernel/action.ts";
import { canonicalize } from "../../kernel/canonical.ts";
import type { Evaluation } from "../../kernel/decision.ts";
import type { Label, Risk } from "../../kernel/grant.ts";
import { argumentOf } from "../../kernel/risk.ts";
import { riskGroup } from "./action-ids.ts";
import { readArgument } from "./argument-value.ts";
import type { Cedar } from "./cedar.ts";
import { cedarType, type ActionShape } from "./field-types.ts";
import type { PermitSource } from "./grant-index.ts";
import { permitText, signedShape } from "./grant-permits.ts";
import type { RuleSet } from "./rule-set.ts";
import { schemaText } from "./schema.ts";
import type { VettedRule } from "./vetting.ts";

/** A rule of a slice: a permit of a grant or an owner's forbid. Position in the list is its number in Cedar's answers. */
export type SliceRule =
  | { readonly effect: "permit"; readonly rule: string; readonly grant: string; readonly text: string }
  | {
      readonly effect: "forbid";
      readonly rule: string;
      readonly text: string;
      readonly args: ReadonlySet<string> | null;
    };

/** All rules that can have a say in one agent's requests for one action at one risk. */
export interface Slice {
  /** What it was made from; it is stale when one of them is no longer the current one. */
  readonly from: { readonly permits: readonly PermitSource[]; readonly rules: RuleSet };
  readonly shape: ActionShape;
  readonly rules: readonly SliceRule[];
  /** Rules that are in error for every request, because they do not fit the types that were signed. */
  readonly mistyped: Evaluation["errors"];
  /** Arguments that some rule names. */
  readonly args: readonly string[];
  /** Other parts of the context that some rule names. */
  readonly context: ReadonlySet<string>;
  /** The action with its groups, when some rule asks for a group. */
  readonly entities: readonly EntityJson[];
}

/** What a slice is for. */
export interface SliceSubject {
  readonly agent: string;
  readonly actionId: string;
  readonly driver: string;
  readonly risk: Risk;
  readonly shape: ActionShape;
}

/** Collects the rules that can match. The cost grows with those, not with how many there are. */
export function buildSlice(cedar: Cedar, subject: SliceSubject, from: Slice["from"]): Slice {
  const { agent, actionId, driver, risk, shape } = subject;
  const mistyped: { rule: string; effect: "permit" | "forbid" }[] = [];
  const rules: SliceRule[] = [];
  const args = new Set<string>();
  const context = new Set<string>();

  for (const source of from.permits) {
    const rule = `${source.grant.id}/${source.index}/${agent}`;
    const signed = signedShape(source.grant, source.target) ?? shape;
    const fields = Object.keys(source.allow.where);
    if (fields.some((field) => !sameType(field, signed, shape))) {
      mistyped.push({ rule, effect: "permit" });
      continue;
    }
    for (const field of shape.verb === "call" ? fields : shape.types.keys()) args.add(field);
    const text = permitText(source.allow, { agent, target: source.target, shape: signed });
    rules.push({ effect: "permit", rule, grant: source.grant.id, text });
  }

  const groups = [...new Set([...shape.groups, riskGroup(risk)])];
  const forbids = from.rules.matching({ agent, actions: [actionId, ...groups], driver });
  for (const { name, text, names } of forbids) {
    for (const field of names.args ?? shape.types.keys()) args.add(field);
    for (const part of names.context ?? ["risk", "labels", "digest"]) context.add(part);
    rules.push({ effect: "forbid", rule: name, text, args: names.args === null ? null : new Set(names.args) });
  }
  if (!from.rules.isTyped(actionId, shape)) {
    mistyped.push(...mistypedForbids(cedar, { actionId, shape, forbids }));
  }

  const asksGroups = forbids.some(({ names }) => names.actions.some((id) => id.startsWith("risk:")));
  const entities: EntityJson[] = asksGroups
    ? [{ uid: { type: "Action", id: actionId }, attrs: {}, parents: groups.map((id) => ({ type: "Action", id })) }]
    : [];
  return { from, shape, rules, mistyped, args: [...args].filter((name) => shape.types.has(name)), context, entities };
}

function sameType(field: string, signed: ActionShape, shape: ActionShape): boolean {
  const left = signed.types.get(field);
  const right = shape.types.get(field);
  return left === right || (left !== undefined && right !== undefined && cedarType(left) === cedarType(right));
}

/**
 * Forbids that do not type-check against the action as it is now: a tool that was granted, or classified anew, after the
 * policy was loaded. Comparing values of two types is simply false in Cedar, so without this such a forbid would be
 * silent; here it denies until the owner has mended it.
 */
function mistypedForbids(
  cedar: Cedar,
  options: { actionId: string; shape: ActionShape; forbids: readonly VettedRule[] },
): Evaluation["errors"] {
  const { actionId, shape, forbids } = options;
  if (forbids.length === 0) return [];
  const schema = schemaText({
    actions: new Map([[actionId, [shape]]]),
    mentioned: forbids.flatMap(({ names }) => names.actions),
    drivers: null,
  });
  const answer = cedar.validate({
    schema,
    policies: { staticPolicies: Object.fromEntries(forbids.map(({ name, text }) => [name, text])) },
  });
  const wrong = new Set(
    answer.type === "failure"
      ? forbids.map(({ name }) => name)
      : answer.validationErrors.map(({ policyId }) => policyId),
  );
  return [...wrong].map((rule) => ({ rule, effect: "forbid" }));
}

/** What Cedar is told of a request: only what the rules of the slice name. */
export function buildContext(
  slice: Slice,
  request: { action: Action; risk: Risk; labels: readonly Label[]; digest: Digest },
): { readonly context: Context; readonly errors: Evaluation["errors"] } {
  const { action, risk, labels, digest } = request;
  const args: { [name: string]: CedarValueJson } = {};
  const unseen: string[] = [];
  for (const name of slice.args) {
    const type = slice.shape.types.get(name);
    if (type === undefined) continue;
    const given = action.verb === "call" ? argumentOf(action.arguments, name) : action.name;
    const read = readArgument(given, type);
    // Not by assignment: an argument named `__proto__` would change the object instead of its fields.
    if (read.value !== null) Object.defineProperty(args, name, { value: read.value, enumerable: true });
    if (read.blind) unseen.push(name);
  }
  const context: Context = { args };
  if (slice.context.has("risk")) context["risk"] = risk;
  if (slice.context.has("labels")) context["labels"] = [...labels];
  if (slice.context.has("digest")) context["digest"] = digest(canonicalize(action.arguments));
  return { context, errors: unseen.length === 0 ? [] : blindForbids(slice, unseen) };
}

/**
 * Forbids that name an argument which is there but not as its type says. Left out of the context, `context.args has x`
 * would be false and the forbid silent: an agent that sends 1000.00001 where four digits are allowed would pass a bound
 * of 1000. A rule that cannot see what it asks for is in error, and a forbid in error denies.
 */
function blindForbids(slice: Slice, unseen: readonly string[]): Evaluation["errors"] {
  return slice.rules.flatMap((each) =>
    each.effect === "forbid" && (each.args === null || unseen.some((name) => each.args?.has(name)))
      ? [{ rule: each.rule, effect: "forbid" as const }]
      : [],
  );
}
