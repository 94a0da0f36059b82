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
import { MAX_POLICY_TEXT, MAX_RULE_TEXT, MAX_RULES } from "./policy-text.ts";
import type { RuleNames, RuleScope } from "./rule-reading.ts";
import type { VettedRule, Vetting } from "./vetting.ts";

const name = text({ max: MAX_RULE_TEXT });
const nameList = list(name, { max: MAX_RULE_TEXT });

const problem: Decoder<PolicyProblem> = object<PolicyProblem>({
  rule: name,
  message: text({ max: MAX_POLICY_TEXT }),
  line: nullable(integer({ min: 1, max: MAX_POLICY_TEXT + 1 })),
});
const problems = list(problem, { max: 1_000 });

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

const vetting: Decoder<Vetting> = union<Vetting, "kind">("kind", {
  vetted: object<Extract<Vetting, { kind: "vetted" }>>({
    kind: literal("vetted"),
    rules: list(rule, { max: MAX_RULES, unique: ({ name: unique }) => unique }),
    typed: boolean(),
    warnings: problems,
  }),
  refused: object<Extract<Vetting, { kind: "refused" }>>({
    kind: literal("refused"),
    problems: list(problem, { max: 1_000, min: 1 }),
  }),
});

/**
 * Reads what the worker answered about `source`; a string says why it cannot be used. The rules must be the source, cut:
 * a worker that went wrong must not be able to drop or change a forbid that an owner signed (ERRORS-DENY).
 */
export function readVetting(answer: unknown, source: string): Vetting | string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the decoder checks every part and refuses what is not JSON
  const read = decode(vetting, answer as JsonValue);
  if (read.kind === "refused")
    return `its answer ${read.path === "" ? "" : `at ${read.path} `}is malformed: ${read.message}`;
  if (read.value.kind === "refused") return read.value;
  const rules = read.value.rules.map((each) => each.text).join("");
  const rest = source.slice(rules.length);
  if (!source.startsWith(rules) || !/^(?:\s|\/\/[^\n]*(?:\n|$))*$/u.test(rest))
    return "its answer is about another text";
  return read.value;
}
