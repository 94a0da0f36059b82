import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { expect, test } from "vitest";
import { readNames, readScope } from "./rule-reading.ts";

function read(rule: string): Parameters<typeof readScope>[0] {
  const answer = cedar.policyToJson(rule);
  if (answer.type === "failure") throw new Error(answer.errors[0]?.message);
  return answer.json;
}

test.each([
  ["principal, action, resource", { agent: null, actions: null, driver: null, never: false }],
  [
    'principal == Agent::"a", action == Action::"x/y", resource == Driver::"x"',
    { agent: "a", actions: ["x/y"], driver: "x", never: false },
  ],
  [
    'principal in Agent::"a", action in Action::"risk:reach", resource in Driver::"x"',
    { agent: "a", actions: ["risk:reach"], driver: "x", never: false },
  ],
  [
    'principal is Agent, action in [Action::"a", Action::"b"], resource is Driver',
    { agent: null, actions: ["a", "b"], driver: null, never: false },
  ],
  ['principal is Agent in Agent::"a", action in [], resource', { agent: "a", actions: [], driver: null, never: false }],
  ["principal is Driver, action, resource", { agent: null, actions: null, driver: null, never: true }],
  ['principal == User::"a", action, resource', { agent: "a", actions: null, driver: null, never: true }],
  ['principal, action, resource is Driver in Agent::"x"', { agent: null, actions: null, driver: "x", never: true }],
])("the scope of (%s)", (scope, expected) => {
  expect(readScope(read(`forbid(${scope});`))).toEqual(expected);
});

test.each<[string, readonly string[] | null, readonly string[] | null]>([
  ["true", [], []],
  ['context.labels.contains("x") && context.risk == "reach"', [], ["labels", "risk"]],
  ["context has digest", [], ["digest"]],
  ['context.args has a && context.args["b c"] == 1', ["a", "b c"], []],
  ["context has args.a && context.args has b.c", ["a", "b"], []],
  ["context has args", null, []],
  ["context.args == context.args", null, []],
  ["[context.args].isEmpty()", null, []],
  ["context == {}", null, null],
  ["(if context.args has a then context else context) has b", null, null],
  ['{"Var": context.args.a, "Value": context.args.b} has c', ["a", "b"], []],
  ['context.args.a.b.x has c && context.args.d like "*"', ["a", "d"], []],
  ["context.args.a.lessThan(context.args.b)", ["a", "b"], []],
  ['"context.args.x" == "y"', [], []],
])("{ %s } names the arguments %j and the parts %j", (condition, args, context) => {
  const names = readNames(read(`forbid(principal, action, resource) unless { ${condition} };`));
  expect(names.args?.toSorted() ?? null).toEqual(args);
  expect(names.context?.toSorted() ?? null).toEqual(context);
});

test("actions are found wherever a rule names them", () => {
  const rule = `forbid(principal, action in [Action::"a"], resource)
    when { action == Action::"b" || [Action::"c"].contains(action) || {"x": Action::"d"}.x == action }
    unless { action in [Action::"e", Action::"f"] && resource == Driver::"g" };`;
  expect(readNames(read(rule)).actions.toSorted()).toEqual(["a", "b", "c", "d", "e", "f"]);
});
