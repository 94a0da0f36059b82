import type { AuthorizationAnswer, Context } from "@cedar-policy/cedar-wasm/nodejs";
import type { Action, Digest, Verb } from "../../kernel/action.ts";
import type { Evaluation, Evaluator } from "../../kernel/decision.ts";
import type { ToolClass } from "../../kernel/grant.ts";
import { actionId } from "./action-ids.ts";
import type { Cedar } from "./cedar.ts";
import { type ActionShape, shapeOf } from "./field-types.ts";
import type { GrantIndex } from "./grant-index.ts";
import { PolicyFault } from "./policy-fault.ts";
import type { RuleSet } from "./rule-set.ts";
import { buildContext, buildSlice, type Slice, type SliceSubject } from "./slice.ts";
import type { SlotPool } from "./slot-pool.ts";

const NOTHING: Evaluation = Object.freeze({ permits: [], forbids: [], errors: [] });

/** Answers kept for one slice, and the longest question kept: calls whose arguments no rule names repeat. */
const MOST_ANSWERS = 64;
const LONGEST_QUESTION = 1024;

/** What an evaluator works with. `rules` is asked at every evaluation and throws when there are none. */
export interface EvaluatorParts {
  readonly cedar: Cedar;
  readonly pool: SlotPool<Slice>;
  readonly grants: GrantIndex;
  readonly digest: Digest;
  rules(): RuleSet;
  version(): string;
}

interface NumberedShape {
  readonly shape: ActionShape;
  readonly number: number;
}

/** Makes the kernel's evaluator over the current grants and rules: slices by agent and action, and asks Cedar. */
export function createEvaluator(parts: EvaluatorParts): Evaluator {
  const { cedar, pool, grants, digest } = parts;
  const shapes = new WeakMap<ToolClass, Map<Verb, NumberedShape>>();
  const numbers = new Map<string, number>();
  /** Answers by slice, which is made anew whenever a grant or a rule that touches it changes. */
  const answers = new WeakMap<Slice, Map<string, Evaluation>>();
  // A draft shares the pool with the rules in force, and must never find their slices.
  const space = pool.newKeySpace();

  /** The shape of a class, with a number that equal shapes share: keys are made for every decision and stay short. */
  function numberedShape(verb: Verb, tool: ToolClass): NumberedShape {
    const known = shapes.get(tool) ?? new Map<Verb, NumberedShape>();
    const found = known.get(verb);
    if (found !== undefined) return found;
    const shape = shapeOf(verb, tool);
    const number = numbers.get(shape.key) ?? numbers.size;
    numbers.set(shape.key, number);
    const made = { shape, number };
    shapes.set(tool, known.set(verb, made));
    return made;
  }

  function currentSlice(key: string, subject: SliceSubject): Slice {
    const from = { permits: grants.permits(subject.agent, subject.actionId), rules: parts.rules() };
    const found = pool.find(key);
    if (found !== undefined && found.from.permits === from.permits && found.from.rules === from.rules) return found;
    const slice = buildSlice(cedar, subject, from);
    if (slice.rules.length > 0) pool.put(key, { text: textOf(slice), value: slice });
    return slice;
  }

  /** Cedar names only the forbids when it denies by one; the permits are asked again by themselves, for the record. */
  function permitsAlone(
    key: string,
    options: { slice: Slice; ask: (key: string) => AuthorizationAnswer },
  ): readonly string[] {
    const { slice, ask } = options;
    const permits = slice.rules.filter(({ effect }) => effect === "permit");
    if (permits.length === 0) return [];
    const alone = `${key}\npermits`;
    const found = pool.find(alone);
    const only = found?.from.permits === slice.from.permits ? found : { ...slice, rules: permits };
    if (only !== found) pool.put(alone, { text: textOf(only), value: only });
    return readAnswer(only, ask(alone)).permits;
  }

  return Object.freeze({
    get version() {
      return parts.version();
    },
    evaluate(subject: Parameters<Evaluator["evaluate"]>[0], action: Action, tool: ToolClass): Evaluation {
      const { agent, labels, risk } = subject;
      const { shape, number } = numberedShape(action.verb, tool);
      const acting: SliceSubject = { agent, actionId: actionId(action), driver: action.driver, risk, shape };
      const key = `${space}\n${agent}\n${acting.actionId}\n${risk}\n${number}`;
      const slice = currentSlice(key, acting);
      if (slice.rules.length === 0) return { ...NOTHING, errors: slice.mistyped };
      const { context, errors } = buildContext(slice, { action, risk, labels, digest });
      // Rules are a pure function of what they name: the same slice and context have the same answer.
      const known = answers.get(slice) ?? new Map<string, Evaluation>();
      const question = JSON.stringify(context);
      const answered = known.get(question);
      if (answered !== undefined) return { ...answered, errors: [...answered.errors, ...errors] };
      const ask = (slot: string): AuthorizationAnswer => authorize(pool, slot, { acting, slice, context });
      const said = readAnswer(slice, ask(key));
      const permits = said.forbids.length === 0 ? said.permits : permitsAlone(key, { slice, ask });
      const answer: Evaluation = {
        permits: [...new Set(permits)],
        forbids: said.forbids,
        errors: [...said.errors, ...slice.mistyped],
      };
      if (known.size >= MOST_ANSWERS) known.clear();
      if (question.length <= LONGEST_QUESTION) answers.set(slice, known.set(question, answer));
      return { ...answer, errors: [...answer.errors, ...errors] };
    },
  });
}

function textOf(slice: Slice): string {
  return slice.rules.map(({ text }) => text).join("\n");
}

function authorize(
  pool: SlotPool<Slice>,
  key: string,
  options: { acting: SliceSubject; slice: Slice; context: Context },
): AuthorizationAnswer {
  const { acting, slice, context } = options;
  return pool.authorize(key, {
    principal: { type: "Agent", id: acting.agent },
    action: { type: "Action", id: acting.actionId },
    resource: { type: "Driver", id: acting.driver },
    context,
    entities: [...slice.entities],
    // The context is made here from typed values; checking it against the schema again costs half as much as deciding.
    validateRequest: false,
  });
}

/** Turns Cedar's answer into the kernel's. Rules are numbered in the order of the slice's text: `policy0`, `policy1` … */
function readAnswer(slice: Slice, answer: AuthorizationAnswer): Evaluation {
  if (answer.type === "failure") {
    throw new PolicyFault("bad-request", `Cannot decide: ${answer.errors[0]?.message ?? "Cedar refused the request"}`);
  }
  const { decision, diagnostics } = answer.response;
  const effect = decision === "allow" ? "permit" : "forbid";
  const deciding = diagnostics.reason.map((id) => ruleOf(slice, id));
  if (deciding.some((rule) => rule.effect !== effect)) {
    throw new PolicyFault("bad-answer", `Cannot decide: Cedar gave a reason that is no ${effect}`);
  }
  return {
    permits: deciding.flatMap((rule) => (rule.effect === "permit" ? [rule.grant] : [])),
    forbids: deciding.flatMap((rule) => (rule.effect === "forbid" ? [rule.rule] : [])),
    errors: diagnostics.errors.map(({ policyId }) => {
      const { rule, effect: erring } = ruleOf(slice, policyId);
      return { rule, effect: erring };
    }),
  };
}

function ruleOf(slice: Slice, id: string): Slice["rules"][number] {
  const rule = /^policy\d+$/.test(id) ? slice.rules[Number(id.slice("policy".length))] : undefined;
  if (rule === undefined)
    throw new PolicyFault("bad-answer", `Cannot decide: Cedar names a rule that was not asked: ${id}`);
  return rule;
}
