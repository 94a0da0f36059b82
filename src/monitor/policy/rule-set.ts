import type { ActionShape } from "./field-types.ts";
import type { VettedRule } from "./vetting.ts";

/** The owner's rules in force (or of a draft), indexed by their scope. Immutable. */
export interface RuleSet {
  readonly text: string;
  /** `sha256:…` of the constitution and the text; docs/policy.md. */
  readonly version: string;
  /** The rules that can match such a request, in the order of the text. */
  matching(request: { agent: string; actions: readonly string[]; driver: string }): readonly VettedRule[];
  /** Whether the rules were type-checked against exactly this shape of this action when they were loaded. */
  isTyped(actionId: string, shape: ActionShape): boolean;
}

/** Makes a rule set. `typed` has the shape of every action that the rules were checked against. */
export function createRuleSet(options: {
  text: string;
  version: string;
  rules: readonly VettedRule[];
  typed: ReadonlyMap<string, string>;
}): RuleSet {
  const { text, version, rules, typed } = options;
  const index = new Map<string, number[]>();
  for (const [position, { scope }] of rules.entries()) {
    if (scope.never) continue;
    for (const action of new Set(scope.actions ?? [ANY])) {
      const key = indexKey(scope.agent, action);
      const positions = index.get(key);
      if (positions === undefined) index.set(key, [position]);
      else positions.push(position);
    }
  }
  return Object.freeze({
    text,
    version,
    matching({ agent, actions, driver }: { agent: string; actions: readonly string[]; driver: string }) {
      const found = new Set<number>();
      for (const action of [ANY, ...actions]) {
        for (const position of index.get(indexKey(null, action)) ?? []) found.add(position);
        for (const position of index.get(indexKey(agent, action)) ?? []) found.add(position);
      }
      return [...found]
        .toSorted((left, right) => left - right)
        .flatMap((position) => rules[position] ?? [])
        .filter(({ scope }) => scope.driver === null || scope.driver === driver);
    },
    isTyped(actionId: string, shape: ActionShape) {
      return rules.length === 0 || typed.get(actionId) === shape.key;
    },
  });
}

/** No action has the empty id. */
const ANY = "";

function indexKey(agent: string | null, action: string): string {
  return `${agent ?? ""}\n${action}`;
}
