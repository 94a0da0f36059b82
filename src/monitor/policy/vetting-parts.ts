import type { JsonValue } from "../../kernel/json.ts";
import {
  boolean,
  decode,
  type Decoder,
  integer,
  list,
  literal,
  nullable,
  object,
  text,
  union,
} from "../../protocol/decode.ts";
import type { PolicyProblem } from "../../protocol/requests.ts";
import { PolicyFault } from "./policy-fault.ts";
import { hasNoRules, MAX_POLICY_TEXT, MAX_RULE_TEXT, MAX_RULES } from "./policy-text.ts";
import type { RuleNames, RuleScope } from "./rule-reading.ts";
import { MAX_PROBLEMS, type VettedRule, type Vetting } from "./vetting.ts";

const name = text({ max: MAX_RULE_TEXT });
const nameList = list(name, { max: MAX_RULE_TEXT });

const problem: Decoder<PolicyProblem> = object<PolicyProblem>({
  rule: name,
  message: text({ max: MAX_POLICY_TEXT }),
  line: nullable(integer({ min: 1, max: MAX_POLICY_TEXT + 1 })),
});
const problems = list(problem, { max: 2 * MAX_PROBLEMS });

const rule: Decoder<VettedRule> = object<VettedRule>({
  name,
  text: name,
  scope: object<RuleScope>({
    agent: nullable(name),
    actions: nullable(nameList),
    driver: nullable(name),
    never: boolean(),
  }),
  names: object<RuleNames>({ args: nullable(nameList), context: nullable(nameList), actions: nameList }),
});

/** Most rules in one part: reading one takes a few milliseconds. */
const RULES_A_PART = 200;

/** The first part of an answer. */
type Head =
  | {
      readonly kind: "vetted";
      readonly rules: number;
      readonly typed: boolean;
      readonly warnings: readonly PolicyProblem[];
    }
  | { readonly kind: "refused"; readonly problems: readonly PolicyProblem[] };

const head: Decoder<Head> = union<Head, "kind">("kind", {
  vetted: object<Extract<Head, { kind: "vetted" }>>({
    kind: literal("vetted"),
    rules: integer({ min: 0, max: MAX_RULES }),
    typed: boolean(),
    warnings: problems,
  }),
  refused: object<Extract<Head, { kind: "refused" }>>({
    kind: literal("refused"),
    problems: list(problem, { max: MAX_PROBLEMS, min: 1 }),
  }),
});
const rulesPart = list(rule, { min: 1, max: RULES_A_PART });

/** Cuts an answer into parts that the monitor can read one at a time: what came of it, then the rules. */
export function* vettingParts(vetting: Vetting): Generator<unknown, void> {
  if (vetting.kind === "refused") {
    yield vetting;
    return;
  }
  const { kind, rules, typed, warnings } = vetting;
  yield { kind, rules: rules.length, typed, warnings } satisfies Head;
  for (let start = 0; start < rules.length; start += RULES_A_PART) yield rules.slice(start, start + RULES_A_PART);
}

/**
 * Reads what a worker answered about `source`. Throws PolicyFault `bad-worker` when that cannot be used. The rules must be
 * the source, cut: a worker that went wrong must not be able to drop or change a forbid that an owner signed
 * (ERRORS-DENY).
 */
export async function readVetting(parts: AsyncIterable<unknown>, source: string): Promise<Vetting> {
  let first: Head | null = null;
  const rules: VettedRule[] = [];
  let offset = 0;
  for await (const part of parts) {
    if (first === null) {
      first = read(head, part);
      continue;
    }
    for (const each of read(rulesPart, part)) {
      if (!source.startsWith(each.text, offset)) throw fault("its answer is about another text");
      offset += each.text.length;
      rules.push(each);
    }
    if (first.kind === "refused" || rules.length > first.rules) throw fault("it answered with too many rules");
  }
  if (first === null) throw fault("it gave no answer");
  if (first.kind === "refused") return first;
  const names = new Set(rules.map((each) => each.name));
  if (rules.length !== first.rules || names.size !== rules.length) throw fault("it did not answer with each rule once");
  if (!hasNoRules(source.slice(offset))) throw fault("it left rules out");
  return { kind: "vetted", rules, typed: first.typed, warnings: first.warnings };
}

function read<T>(decoder: Decoder<T>, part: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the decoder checks every part and refuses what is not JSON
  const result = decode(decoder, part as JsonValue);
  if (result.kind === "ok") return result.value;
  throw fault(`its answer ${result.path === "" ? "" : `at ${result.path} `}is malformed: ${result.message}`);
}

function fault(what: string): PolicyFault {
  return new PolicyFault("bad-worker", `the worker went wrong: ${what}`);
}
