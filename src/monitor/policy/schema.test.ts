import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { expect, test } from "vitest";
import type { FieldType } from "../../kernel/grant.ts";
import { shapeOf } from "./field-types.ts";
import { schemaText } from "./schema.ts";

const shape = (fields: { readonly [name: string]: FieldType }) =>
  shapeOf("call", { risk: "observe", labels: [], fields, recipients: { to: "email" } });

test("the schema of one tool is this text", () => {
  const text = schemaText({
    actions: new Map([
      [
        "mail/send",
        [shape({ subject: "string", 'a"b': "decimal", n: "long", all: "strings", ok: "bool", at: "path" })],
      ],
    ]),
    mentioned: ["mail/other", "mail/send", "risk:reach"],
    drivers: ["mail"],
  });
  expect(text).toBe(`entity Agent;
entity Driver enum ["mail"];
action "risk:observe";
action "risk:stage";
action "risk:infer";
action "risk:reach";
action "risk:reserved";
action "risk:prohibited";
action "mail/other";
action "mail/send" in [Action::"risk:observe", Action::"risk:reach"] appliesTo {principal: Agent, resource: Driver, context: {"risk": String, "labels": Set<String>, "digest": String, "args": {"a\\"b"?: decimal, "all"?: Set<String>, "at"?: String, "n"?: Long, "ok"?: Bool, "subject"?: String, "to"?: Set<String>}}};
`);
  expect(cedar.preparseSchema("schema-test", text).type).toBe("success");
});

test("an argument that was signed with two types cannot be named", () => {
  const text = schemaText({
    actions: new Map([["mail/send", [shape({ a: "long", b: "string" }), shape({ a: "string", b: "path" })]]]),
    mentioned: [],
    drivers: null,
  });
  expect(text).toContain('"args": {"b"?: String, "to"?: Set<String>}');
});

test("names that Cedar's JSON takes for something else are left out", () => {
  const { types } = shape({
    __entity: "string",
    __extn: "string",
    __expr: "string",
    "\ud800": "string",
    ["__proto__"]: "string",
  });
  expect([...types.keys()]).toEqual(["__proto__", "to"]);
});
