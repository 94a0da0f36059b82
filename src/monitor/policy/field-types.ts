import type { Verb } from "../../kernel/action.ts";
import type { FieldType, Risk, ToolClass } from "../../kernel/grant.ts";
import { riskGroup } from "./action-ids.ts";

/** Cedar's JSON takes these keys of a record for something else than a field, so no rule can name such an argument. */
const MAGIC_KEYS: ReadonlySet<string> = new Set(["__entity", "__extn", "__expr"]);

/** How an argument reaches rules. `recipients`: one text or a list of texts, as a set. `uri`: a text without dot segments. */
export type ArgumentType = FieldType | "recipients" | "uri";

/** One kind of action as rules see it: its groups and the arguments that they may name. */
export interface ActionShape {
  readonly verb: Verb;
  /** Ids of its action groups: the risk that the owner signed, and what a recipient lifts it to. */
  readonly groups: readonly string[];
  readonly types: ReadonlyMap<string, ArgumentType>;
  /** Equal exactly for equal shapes. */
  readonly key: string;
}

/** What rules may name of one kind of action. The type that the owner signed for a field stands before `recipients`. */
export function shapeOf(verb: Verb, tool: ToolClass): ActionShape {
  const types = new Map<string, ArgumentType>();
  if (verb === "call") {
    for (const name of Object.keys(tool.recipients)) types.set(name, "recipients");
    for (const [name, type] of Object.entries(tool.fields)) types.set(name, type);
  } else {
    types.set(verb === "read" ? "uri" : "name", verb === "read" ? "uri" : "string");
  }
  for (const name of types.keys()) {
    if (MAGIC_KEYS.has(name) || !name.isWellFormed()) types.delete(name);
  }
  const groups = groupsOf(verb, tool);
  const sorted = [...types].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return { verb, groups, types: new Map(sorted), key: JSON.stringify([verb, groups, sorted]) };
}

function groupsOf(verb: Verb, tool: ToolClass): readonly string[] {
  if (verb !== "call") return [riskGroup("observe")];
  const risks = new Set<Risk>([tool.risk]);
  const below: readonly Risk[] = ["observe", "stage", "infer"];
  if (Object.keys(tool.recipients).length > 0 && below.includes(tool.risk)) risks.add("reach");
  return [...risks].map(riskGroup);
}

/** The Cedar type of an argument. */
export function cedarType(type: ArgumentType): string {
  return CEDAR_TYPES[type];
}

const CEDAR_TYPES: { readonly [type in ArgumentType]: string } = {
  string: "String",
  path: "String",
  uri: "String",
  long: "Long",
  decimal: "decimal",
  bool: "Bool",
  strings: "Set<String>",
  recipients: "Set<String>",
};
