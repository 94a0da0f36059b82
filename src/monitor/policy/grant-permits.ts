import { type Allow, allowParts, type AllowParts, type DriverSpec, type Grant } from "../../kernel/grant.ts";
import { PROMPT, READ, UNCLASSIFIED } from "../../kernel/risk.ts";
import { actionId } from "./action-ids.ts";
import { quoteEntity, quotePrefix, quoteString } from "./cedar-text.ts";
import { conditionText, NEVER } from "./condition-text.ts";
import { type ActionShape, shapeOf } from "./field-types.ts";

/**
 * The Cedar permits that a grant means, one for each allow and agent, by rule id `grant/allow/agent` (allows counted from
 * 0). This is what the engine evaluates and what `grants show --cedar` prints. An allow that cannot be read has none.
 */
export function grantToCedar(grant: Grant): { readonly [rule: string]: string } {
  const rules: { [rule: string]: string } = Object.create(null);
  for (const [index, allow] of grant.allow.entries()) {
    const target = allowParts(allow.what);
    if (target === null) continue;
    const shape = signedShape(grant, target) ?? shapeOf(target.verb, UNCLASSIFIED);
    for (const agent of grant.agents)
      rules[`${grant.id}/${index}/${agent}`] = permitText(allow, { agent, target, shape });
  }
  return rules;
}

/** How this grant itself classifies what an allow is about; null when it says nothing of that driver or tool. */
export function signedShape(grant: Grant, target: AllowParts): ActionShape | null {
  if (target.verb === "read") return shapeOf("read", READ);
  if (target.verb === "prompt") return shapeOf("prompt", PROMPT);
  const driver = own<DriverSpec>(grant.drivers, target.driver);
  const tool = driver === undefined ? undefined : own(driver.tools, target.name);
  return tool === undefined ? null : shapeOf("call", tool);
}

/** One permit. `shape` gives the types of the fields that the conditions name. */
export function permitText(allow: Allow, options: { agent: string; target: AllowParts; shape: ActionShape }): string {
  const { agent, target, shape } = options;
  const conditions = [
    ...nameCondition(target),
    ...Object.entries(allow.where).map(([field, condition]) =>
      conditionText(field, { condition, type: shape.types.get(field) }),
    ),
  ];
  const when = conditions.includes(NEVER) ? NEVER : conditions.join(" && ");
  const scope = [
    `principal == ${quoteEntity("Agent", agent)}`,
    `action == ${quoteEntity("Action", actionId(target))}`,
    `resource == ${quoteEntity("Driver", target.driver)}`,
  ].join(", ");
  return `permit(${scope})${when === "" ? "" : ` when { ${when} }`};`;
}

/** Reads and prompts share one Cedar action for each driver; which one is a condition. A prefix ends in `/`. */
function nameCondition(target: AllowParts): readonly string[] {
  if (target.verb === "call") return [];
  if (!target.name.isWellFormed()) return [NEVER];
  if (target.verb === "prompt")
    return [`context.args has "name" && context.args["name"] == ${quoteString(target.name)}`];
  const test = target.name.endsWith("/")
    ? `context.args["uri"] like ${quotePrefix(target.name)}`
    : `context.args["uri"] == ${quoteString(target.name)}`;
  return [`context.args has "uri" && ${test}`];
}

function own<T>(map: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}
