import { RISKS } from "../../kernel/grant.ts";
import { riskGroup } from "./action-ids.ts";
import { quoteEntity, quoteString } from "./cedar-text.ts";
import { type ActionShape, type ArgumentType, cedarType } from "./field-types.ts";

/** What a schema is made from. */
export interface SchemaInput {
  /** For each action id the shapes that owners signed; a field of two types has none, so no rule may name it. */
  readonly actions: ReadonlyMap<string, readonly ActionShape[]>;
  /** Actions that rules may mention without one of them being decided. */
  readonly mentioned: readonly string[];
  /** Names that a `Driver` may have; null is any. */
  readonly drivers: readonly string[] | null;
}

/** The Cedar schema that rules are checked against: strict, closed, and with nothing that a request does not carry. */
export function schemaText(input: SchemaInput): string {
  const groups = RISKS.map(riskGroup);
  const others = [...new Set(input.mentioned)].filter((id) => !input.actions.has(id) && !groups.includes(id));
  return [
    "entity Agent;",
    input.drivers === null || input.drivers.length === 0
      ? "entity Driver;"
      : `entity Driver enum [${input.drivers.map(quoteString).join(", ")}];`,
    ...[...groups, ...others].map((id) => `action ${quoteString(id)};`),
    ...[...input.actions].map(([id, shapes]) => actionText(id, shapes)),
    "",
  ].join("\n");
}

function actionText(id: string, shapes: readonly ActionShape[]): string {
  const groups = [...new Set(shapes.flatMap((shape) => shape.groups))].map((group) => quoteEntity("Action", group));
  const args = [...commonTypes(shapes)].map(([name, type]) => `${quoteString(name)}?: ${cedarType(type)}`);
  const context = `"risk": String, "labels": Set<String>, "digest": String, "args": {${args.join(", ")}}`;
  return `action ${quoteString(id)} in [${groups.join(", ")}] appliesTo {principal: Agent, resource: Driver, context: {${context}}};`;
}

/** Fields on whose Cedar type all shapes agree. */
function commonTypes(shapes: readonly ActionShape[]): ReadonlyMap<string, ArgumentType> {
  const types = new Map<string, ArgumentType>();
  const conflicting = new Set<string>();
  for (const [name, type] of shapes.flatMap((shape) => [...shape.types])) {
    const known = types.get(name);
    if (known !== undefined && cedarType(known) !== cedarType(type)) conflicting.add(name);
    types.set(name, type);
  }
  for (const name of conflicting) types.delete(name);
  return types;
}
