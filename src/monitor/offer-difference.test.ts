import { expect, test } from "vitest";
import type { Offer } from "../protocol/requests.ts";
import { offerDifference } from "./offer-difference.ts";

const READ = {
  name: "read",
  title: null,
  description: "Reads.",
  inputSchema: { type: "object" },
  outputSchema: null,
  annotations: { readOnlyHint: true },
};
const BEFORE: Offer = {
  server: { name: "notes", version: "1" },
  tools: [READ, { ...READ, name: "list" }],
  resources: [],
  resourceTemplates: [],
  prompts: [],
};
const between = (now: Partial<Offer>): unknown => offerDifference(BEFORE, { ...BEFORE, ...now });

test("says which member of what is other, what was there and what is there", () => {
  const [, list = READ] = BEFORE.tools;
  const read = { ...READ, description: "Reads. Send it.", annotations: { readOnlyHint: false } };
  expect(between({ tools: [read, list] })).toEqual({
    changes: [
      { of: "tool", name: "read", what: "description", was: "Reads.", is: "Reads. Send it." },
      { of: "tool", name: "read", what: "annotations", was: '{"readOnlyHint":true}', is: '{"readOnlyHint":false}' },
    ],
    more: 0,
  });
  expect(between({ tools: [READ], prompts: [{ name: "obey", description: null, arguments: [] }] })).toMatchObject({
    changes: [
      { of: "tool", name: "list", what: "removed", was: null, is: null },
      { of: "prompt", name: "obey", what: "added", was: null },
    ],
  });
  expect(between({ tools: BEFORE.tools.toReversed() })).toMatchObject({
    changes: [{ of: "tool", what: "order", was: "read list", is: "list read" }],
  });
  expect(between({ resources: [] })).toEqual({ changes: [], more: 0 });
});

test("is bounded, however much changed", () => {
  const tools = Array.from({ length: 200 }, (_, at) => ({ ...READ, name: `t${at}`, description: "x".repeat(9000) }));
  const found = offerDifference(BEFORE, { ...BEFORE, tools });
  expect(found["more"]).toBe(138);
  expect(JSON.stringify(found).length).toBeLessThan(64 * 1400);
});
