import type { Action, Digest } from "../kernel/action.ts";
import { coversExactly, smallestGrant, whatOf } from "../kernel/allowance.ts";
import { canonicalize } from "../kernel/canonical.ts";
import type { Allow, Condition, Grant, ToolClass } from "../kernel/grant.ts";
import { pathSegments } from "../kernel/paths.ts";
import { restOf } from "../kernel/rest.ts";
import { findDisguised, isPlainText } from "./disguised.ts";
import { makeVisible } from "./visible.ts";

/** One action that a proposal is made from, and the class of its tool as an owner signed it. */
export interface Example {
  readonly action: Action;
  readonly tool: ToolClass;
}

/** What would cover some examples, and what would not be covered. */
export interface Covering {
  readonly allow: readonly Allow[];
  readonly covered: readonly Example[];
  readonly left: readonly { readonly example: Example; readonly why: string }[];
  /**
   * Arguments of the covered calls that no condition names, by `driver/tool`: those of a lease are bound by their digest, those
   * of a plain grant may be anything.
   */
  readonly others: ReadonlyMap<string, readonly string[]>;
}

export interface CoveringOptions {
  /** A lease has to name exactly the call; a plain grant still has a human asked. */
  readonly lease: boolean;
  /** Whether several paths of equal calls become the folder that they lie in: only when an owner asks for it. */
  readonly folders: boolean;
  readonly digest: Digest;
}

/** Examples that one document is made from; more is not read before it is signed. */
export const MOST_EXAMPLES = 64;
const LONGEST_TEXT = 256;

/**
 * The narrowest allowances that cover the examples: equality on every declared argument of each, in a lease the digest of all
 * others, joined only where a list of the very values says the same in fewer lines. Pure.
 *
 * What is in an example was chosen by an agent, so nothing in it can make the proposal wider than the calls themselves, and a
 * value that does not read as what it is keeps its call out (SHOWN-SIGNED-RUN).
 */
export function coverExamples(examples: readonly Example[], options: CoveringOptions): Covering {
  const covered: Example[] = [];
  const left: { example: Example; why: string }[] = [];
  const exact: Allow[] = [];
  for (const example of examples) {
    const found = covered.length < MOST_EXAMPLES ? coverOne(example, options) : `only ${MOST_EXAMPLES} fit into one`;
    if (typeof found === "string") left.push({ example, why: found });
    else {
      covered.push(example);
      exact.push(found);
    }
  }
  const joined = joinAll(exact, { covered, folders: options.folders });
  return { allow: joined, covered, left, others: otherArguments(covered) };
}

/** The one allowance of an example, or why there is none. */
function coverOne({ action, tool }: Example, { lease, digest }: CoveringOptions): Allow | string {
  if (tool.risk === "prohibited") return "it is prohibited";
  const [smallest] = smallestGrant({ agents: [action.agent], action, tool })?.allow ?? [];
  const binds = lease && action.verb === "call";
  const allow =
    smallest && binds ? { ...smallest, rest: [restOf(smallest.where, action.arguments, digest)] } : smallest;
  if (allow === undefined) return "a value of it is too long or of a kind that no condition can hold";
  const others = binds ? Object.entries(action.arguments).filter(([name]) => !Object.hasOwn(allow.where, name)) : [];
  // What a digest stands for is let run like what the line says, so it has to read like it.
  const unread =
    findDisguised(Object.fromEntries(others), isPlainText) ??
    [allow.what, ...textsOf(allow)].find((text) => makeVisible(text) !== text || text.length > LONGEST_TEXT);
  if (unread !== undefined) return `a value of it does not read as what it is: ${unread.slice(0, 80).toWellFormed()}`;
  if (lease && !coversExactly(leaseOf(allow), { action, tool, digest }))
    return "nothing of its arguments is declared, so no lease can say which call it is for";
  return allow;
}

/** Enough of a lease to ask the kernel whether it would cover a call: its own check decides, not a copy of it. */
function leaseOf(allow: Allow): Grant {
  const sandbox = { workspace: "none", folder: null, programs: "none", home: null, ports: [] } as const;
  const limits = { uses: 1, rate: null, bytes: null, notBefore: 0, expires: 1 };
  return { v: 1, id: "lease", agents: [], drivers: {}, allow: [allow], limits, lease: true, sandbox };
}

function textsOf({ where }: Allow): readonly string[] {
  return Object.values(where).flatMap((condition) => {
    if ("in" in condition) return condition.in;
    return "equals" in condition && typeof condition.equals === "string" ? [condition.equals] : [];
  });
}

function joinAll(
  exact: readonly Allow[],
  { covered, folders }: { readonly covered: readonly Example[]; readonly folders: boolean },
): readonly Allow[] {
  const tools = new Map(covered.map(({ action, tool }) => [whatOf(action), tool]));
  const distinct = [...new Map(exact.map((allow) => [canonicalize({ ...allow }), allow])).values()];
  const groups = Map.groupBy(distinct, ({ what, where }) => canonicalize([what, ...Object.keys(where).toSorted()]));
  return [...groups.values()].flatMap((group) => {
    const tool = tools.get(group[0]?.what ?? "");
    return tool === undefined ? group : joinOnOne(group, { tool, folders });
  });
}

/** Joins calls that differ in one declared field alone, on the field that leaves the fewest lines. */
function joinOnOne(
  group: readonly Allow[],
  { tool, folders }: { readonly tool: ToolClass; readonly folders: boolean },
): readonly Allow[] {
  let best = joinRests(group);
  for (const [field, type] of Object.entries(tool.fields)) {
    // A recipient may be a list: two that were written to apart would be allowed together.
    if ((type !== "string" && type !== "path") || Object.hasOwn(tool.recipients, field)) continue;
    const lines = folders && type === "path" ? takeFolders(group, field) : group;
    // A value with the further arguments of another call is a call that nobody asked for.
    const apart = Map.groupBy(lines, ({ where, rest = [] }) => canonicalize([{ ...where, [field]: null }, rest]));
    const joined = joinRests([...apart.values()].flatMap((same) => joinOn(same, field)));
    if (joined.length < best.length) best = joined;
  }
  return best;
}

/** Lines that differ in the rest of the arguments alone become one with all of these. */
function joinRests(lines: readonly Allow[]): readonly Allow[] {
  const alike = Map.groupBy(lines, ({ what, where }) => canonicalize([what, { ...where }]));
  return [...alike.values()].flatMap((group): readonly Allow[] => {
    const rest = [...new Set(group.flatMap((each) => each.rest ?? []))];
    return group.slice(0, 1).map((first) => (rest.length === 0 ? first : { ...first, rest }));
  });
}

function joinOn(same: readonly Allow[], field: string): readonly Allow[] {
  const [first] = same;
  const texts = textsAt(same, field);
  if (first === undefined || same.length < 2 || texts === null) return same;
  return [{ ...first, where: { ...first.where, [field]: { in: texts.toSorted() } } }];
}

/** The nearest folder in place of two or more paths of calls that are otherwise equal but for the rest of their arguments. */
function takeFolders(group: readonly Allow[], field: string): readonly Allow[] {
  const alike = Map.groupBy(group, ({ where }) => canonicalize({ ...where, [field]: null }));
  return [...alike.values()].flatMap((same) => {
    const paths = [...new Set(textsAt(same, field))];
    const under = paths.length < 2 ? null : commonFolder(paths);
    return under === null ? same : same.map((each) => ({ ...each, where: { ...each.where, [field]: { under } } }));
  });
}

/** The texts that a field must equal, line by line, or null when one says something else of it. */
function textsAt(lines: readonly Allow[], field: string): readonly string[] | null {
  const texts = lines.flatMap(({ where }) => textOf(where[field]) ?? []);
  return texts.length < lines.length ? null : texts;
}

function textOf(condition: Condition | undefined): string | null {
  return condition !== undefined && "equals" in condition && typeof condition.equals === "string"
    ? condition.equals
    : null;
}

/** The nearest folder that holds all of some paths, or null when that would be the root or a path has two readings. */
function commonFolder(paths: readonly string[]): string | null {
  const folders = paths.map((path) => pathSegments(path)?.slice(0, -1) ?? null);
  const [first, ...others] = folders;
  if (first === null || first === undefined) return null;
  let length = first.length;
  for (const other of others) {
    if (other === null) return null;
    const differs = first.slice(0, length).findIndex((segment, index) => other[index] !== segment);
    if (differs >= 0) length = differs;
  }
  return length === 0 ? null : `/${first.slice(0, length).join("/")}`;
}

/** Arguments that no condition names, since no owner said anything about them. */
function otherArguments(covered: readonly Example[]): ReadonlyMap<string, readonly string[]> {
  const others = new Map<string, Set<string>>();
  for (const { action, tool } of covered) {
    const undeclared = Object.keys(action.arguments).filter(
      (name) => !Object.hasOwn(tool.fields, name) && !Object.hasOwn(tool.recipients, name),
    );
    if (undeclared.length === 0) continue;
    const names = others.get(whatOf(action)) ?? new Set();
    for (const name of undeclared) names.add(name);
    others.set(whatOf(action), names);
  }
  return new Map([...others].map(([what, names]) => [what, [...names].toSorted()]));
}
