import type { DetailedError, PolicyJson } from "@cedar-policy/cedar-wasm/nodejs";
import type { PolicyProblem } from "../../protocol/requests.ts";
import type { Cedar } from "./cedar.ts";
import { lineOfOffset, type RuleText, splitPolicyText } from "./policy-text.ts";
import { readNames, readScope, type RuleNames, type RuleScope } from "./rule-reading.ts";

/** What a vetting is asked: the owner's text, the schema of the moment, and whether type errors refuse the text. */
export interface VettingInput {
  readonly text: string;
  readonly schema: string;
  /** `load`: a rule that does not type-check is a reason to refuse. `restore`: the owner signed it when it did. */
  readonly purpose: "load" | "restore";
}

/** A rule that Cedar has read, with what the engine needs to slice by it. */
export interface VettedRule {
  readonly name: string;
  readonly text: string;
  readonly scope: RuleScope;
  readonly names: RuleNames;
}

/** The answer. `typed` is false only after a restore with rules that do not type-check against the schema. */
export type Vetting =
  | {
      readonly kind: "vetted";
      readonly rules: readonly VettedRule[];
      readonly typed: boolean;
      readonly warnings: readonly PolicyProblem[];
    }
  | { readonly kind: "refused"; readonly problems: readonly PolicyProblem[] };

/** Most problems, and most warnings, that one text is told of. */
export const MAX_PROBLEMS = 100;
const RULE_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;

/**
 * Reads and checks an owner's policy text. Only `forbid` rules are accepted: what an agent may do comes from signed
 * grants, and a policy can only take away (NO-SELF-WIDENING holds even for a policy signed in error).
 * Runs in a worker: reading thousands of rules takes a second, and a text that breaks Cedar breaks only the worker's.
 */
export function vetPolicy(cedar: Cedar, input: VettingInput): Vetting {
  const split = splitPolicyText(input.text);
  if (split.kind === "refused") return split;
  const problems: PolicyProblem[] = [];
  const rules = new Map<string, { readonly rule: VettedRule; readonly source: RuleText }>();
  for (const [index, source] of split.rules.entries()) {
    const read = readRule(cedar, { source, index });
    if ("message" in read) {
      problems.push(read);
    } else if (rules.has(read.name)) {
      problems.push({ rule: read.name, message: "another rule has the same name", line: firstLine(source) });
    } else {
      rules.set(read.name, { rule: read, source });
    }
    if (problems.length >= MAX_PROBLEMS) break;
  }
  if (problems.length > 0) return { kind: "refused", problems };
  const vetted = [...rules.values()].map(({ rule }) => rule);
  if (vetted.length === 0) return { kind: "vetted", rules: [], typed: true, warnings: [] };

  const answer = cedar.validate({
    schema: input.schema,
    policies: { staticPolicies: Object.fromEntries(vetted.map(({ name, text }) => [name, text])) },
    validationSettings: { mode: "strict" },
  });
  if (answer.type === "failure") {
    return {
      kind: "refused",
      problems: answer.errors.slice(0, MAX_PROBLEMS).map(({ message }) => ({ rule: "policy", message, line: null })),
    };
  }
  const tell = (found: readonly Located[]): readonly PolicyProblem[] =>
    foldActions(found)
      .slice(0, MAX_PROBLEMS)
      .map(({ policyId, error, others }) => {
        const problem = problemOf(error, { name: policyId, source: rules.get(policyId)?.source });
        if (others === 0) return problem;
        const same = `; the same for ${others} other action${others === 1 ? "" : "s"}`;
        return { ...problem, message: `${problem.message}${same}` };
      });
  const untyped = tell(answer.validationErrors);
  const warnings = tell(answer.validationWarnings);
  if (untyped.length === 0) return { kind: "vetted", rules: vetted, typed: true, warnings };
  return input.purpose === "load"
    ? { kind: "refused", problems: untyped }
    : { kind: "vetted", rules: vetted, typed: false, warnings: [...untyped, ...warnings] };
}

function readRule(cedar: Cedar, options: { source: RuleText; index: number }): VettedRule | PolicyProblem {
  const { source, index } = options;
  const given = `rule${index}`;
  const problem = (rule: string, message: string): PolicyProblem => ({ rule, message, line: firstLine(source) });
  const answer = cedar.policyToJson(source.text);
  if (answer.type === "failure") {
    if (cedar.templateToJson(source.text).type === "success") {
      return problem(given, "this is a template; name the agent or driver instead of ?principal or ?resource");
    }
    const [error] = answer.errors;
    return error === undefined ? problem(given, "this is no rule") : problemOf(error, { name: given, source });
  }
  const policy: PolicyJson = answer.json;
  const name = policy.annotations?.["id"] ?? given;
  if (!RULE_NAME.test(name))
    return problem(given, "its @id is not 1 to 64 letters, digits, spaces, dots, hyphens or underscores");
  if (policy.effect !== "forbid") {
    return problem(
      name,
      "only forbid is accepted: permissions come from signed grants; write forbid (...) unless { ... } instead",
    );
  }
  return { name, text: source.text, scope: readScope(policy), names: readNames(policy) };
}

/** Cedar names the rule as we named it; the place it gives becomes a line of the whole text. */
function problemOf(error: DetailedError, options: { name: string; source: RuleText | undefined }): PolicyProblem {
  const { name, source } = options;
  const at = error.sourceLocations?.[0]?.start;
  const line = source === undefined ? null : at === undefined ? firstLine(source) : lineOfOffset(source, at);
  const expected = error.sourceLocations?.[0]?.label;
  const parts = [error.message, expected, error.help].filter(
    (part) => part !== null && part !== undefined && part !== "",
  );
  return { rule: name, message: parts.join("; "), line };
}

interface Located {
  readonly policyId: string;
  readonly error: DetailedError;
}

const ACTION = /Action::"(?:[^"\\]|\\.)*"/gu;

/**
 * One for each mistake: Cedar checks a rule for every action that it could be asked about and tells of the same mistake
 * each time, in no order. Kept is the first by the name of the action, with how many more there are.
 */
function foldActions(found: readonly Located[]): readonly (Located & { readonly others: number })[] {
  const folded = new Map<string, Located & { readonly others: number }>();
  for (const one of found.toSorted((left, right) => (left.error.message < right.error.message ? -1 : 1))) {
    const at = one.error.sourceLocations?.[0]?.start ?? null;
    const key = JSON.stringify([one.policyId, at, one.error.message.replaceAll(ACTION, "")]);
    const known = folded.get(key);
    folded.set(key, known === undefined ? { ...one, others: 0 } : { ...known, others: known.others + 1 });
  }
  return [...folded.values()];
}

/** The line on which the rule itself begins, after blank lines and comments. */
function firstLine(source: RuleText): number {
  const lead = /^(?:\s|\/\/[^\n]*\n)*/u.exec(source.text)?.[0] ?? "";
  return source.line + lead.split("\n").length - 1;
}
