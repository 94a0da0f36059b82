import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Allow, type Condition, type Grant, type Limits } from "./grant.ts";
import { decodeGrant } from "./grant-decoder.ts";
import { whyWider } from "./narrower.ts";
import { NO_REST } from "./rest.ts";

const BOUND = `sha256:${"1".repeat(64)}`;
const HOUR = 3_600_000;
const allow: readonly Allow[] = [
  {
    what: "files/write",
    where: { path: { under: "/home/a/docs" }, mode: { in: ["new", "over"] }, size: { max: 10 } },
  },
  { what: "notes/add", where: { text: { equals: "x" } }, rest: [BOUND, NO_REST] },
  { what: "net/send", where: { host: { equals: "api.example.com" } } },
];
const limits: Limits = { uses: 5, rate: null, bytes: 100, notBefore: 0, expires: HOUR };
const proposed: Grant = {
  v: 1,
  id: "lease-worker-00000000",
  agents: ["worker"],
  drivers: {},
  allow,
  limits,
  lease: true,
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
};
const [first, bound, second] = allow as [Allow, Allow, Allow];
const writing = (where: { readonly [field: string]: Condition }): Partial<Grant> => ({
  allow: [{ ...first, where: { ...first.where, ...where } }],
});

test.each<[string, Partial<Grant>]>([
  ["the very same", {}],
  ["fewer lines", { allow: [second] }],
  ["a deeper folder", writing({ path: { under: "/home/a/docs/new" } })],
  ["the same folder", writing({ path: { under: "/home/a/docs" } })],
  ["fewer values", writing({ mode: { in: ["new"] } })],
  ["a lower bound", writing({ size: { max: 9 } })],
  ["fewer uses", { limits: { ...limits, uses: 1 } }],
  ["fewer of the further arguments", { allow: [{ ...bound, rest: [NO_REST] }] }],
  ["a bound on the further arguments where there was none", { allow: [{ ...second, rest: [NO_REST] }] }],
  ["an earlier end", { limits: { ...limits, expires: HOUR / 2 } }],
])("%s is no wider", (_, change) => expect(whyWider({ ...proposed, ...change }, proposed)).toBeNull());

test.each<[string, Partial<Grant>]>([
  ["another id", { id: "lease-worker-00000001" }],
  ["one more agent", { agents: ["worker", "helper"] }],
  ["a lease of a grant", { lease: false }],
  ["a driver", { drivers: { notes: { source: { kind: "net" }, pin: "", tools: {}, resources: [], prompts: [] } } }],
  ["programs", { sandbox: { ...proposed.sandbox, programs: "any" } }],
  ["a workspace", { sandbox: { ...proposed.sandbox, workspace: "write" } }],
  [
    "a secret",
    { sandbox: { ...proposed.sandbox, secrets: { KEY: { secret: "key", to: "https://api.example.com" } } } },
  ],
  ["nothing at all", { allow: [] }],
  ["another tool", { allow: [first, { ...second, what: "net/fetch" }] }],
  ["another host", { allow: [{ ...second, where: { host: { equals: "evil.example" } } }] }],
  ["a list that has the value", { allow: [{ ...second, where: { host: { in: ["api.example.com"] } } }] }],
  ["no condition", { allow: [{ ...second, where: {} }] }],
  ["another condition", { allow: [{ ...second, where: { port: { equals: 443 } } }] }],
  ["a condition more", { allow: [{ ...second, where: { ...second.where, port: { equals: 443 } } }] }],
  ["the folder above", writing({ path: { under: "/home/a" } })],
  ["a folder that begins alike", writing({ path: { under: "/home/a/docs-2" } })],
  ["a folder by a detour", writing({ path: { under: "/home/a/docs/../../b" } })],
  ["one more value", writing({ mode: { in: ["new", "over", "append"] } })],
  ["a higher bound", writing({ size: { max: 11 } })],
  ["any bound", writing({ size: { equals: 4 } })],
  ["no bound on the further arguments", { allow: [{ what: bound.what, where: bound.where }] }],
  ["other further arguments", { allow: [{ ...bound, rest: [BOUND.replace("1", "2")] }] }],
  ["one more of them", { allow: [{ ...bound, rest: [BOUND, NO_REST, BOUND.replace("1", "2")] }] }],
  ["more uses", { limits: { ...limits, uses: 6 } }],
  ["any number of uses", { limits: { ...limits, uses: null } }],
  ["a later end", { limits: { ...limits, expires: HOUR + 1 } }],
  ["an earlier beginning", { limits: { ...limits, notBefore: -1 } }],
  ["more bytes", { limits: { ...limits, bytes: null } }],
  ["another rate", { limits: { ...limits, rate: { count: 1, seconds: 1 } } }],
])("attack: %s is wider", (_, change) => expect(whyWider({ ...proposed, ...change }, proposed)).not.toBeNull());

test("a bound where there was none is narrower", () => {
  const open = { ...proposed, limits: { ...limits, uses: null } };
  expect(whyWider(proposed, open)).toBeNull();
  expect(whyWider(open, open)).toBeNull();
});

const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ equals: fc.constantFrom("/a", "/a/b", "x") }),
  fc.record({ in: fc.uniqueArray(fc.constantFrom("/a", "/a/b", "x"), { minLength: 1 }) }),
  fc.record({ under: fc.constantFrom("/a", "/a/b", "/") }),
  fc.record({ max: fc.integer({ min: 0, max: 3 }) }),
);
const RESTS = [BOUND, NO_REST];
const grants: fc.Arbitrary<Grant> = fc
  .record({
    allow: fc.array(
      fc.record(
        {
          what: fc.constantFrom("a/b", "a/c"),
          where: fc.dictionary(fc.constantFrom("p", "q"), condition, { noNullPrototype: true }),
          rest: fc.uniqueArray(fc.constantFrom(...RESTS), { minLength: 1 }),
        },
        { requiredKeys: ["what", "where"] },
      ),
      { maxLength: 3 },
    ),
    uses: fc.option(fc.integer({ min: 1, max: 3 })),
    expires: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ uses, expires, ...rest }) => ({
    ...proposed,
    lease: false,
    ...rest,
    limits: { ...limits, uses, expires },
  }));

/** What a condition lets pass, by another road than the code under test. */
function passes(each: Condition, value: string | number): boolean {
  if ("equals" in each) return each.equals === value;
  if ("in" in each) return each.in.some((one) => one === value);
  if ("max" in each) return typeof value === "number" && value <= each.max;
  return (
    typeof value === "string" && value.startsWith("/") && `${value}/`.startsWith(`${each.under}/`.replace("//", "/"))
  );
}
const VALUES = ["/a", "/a/b", "/a/b/c", "/c", "x", 0, 1, 2, 3];
/** All calls out of a small world that a grant allows. */
function callsOf({ allow: lines }: Grant): ReadonlySet<string> {
  const calls = new Set<string>();
  for (const what of ["a/b", "a/c"])
    for (const p of VALUES)
      for (const q of VALUES)
        for (const rest of [...RESTS, "any other"])
          if (
            lines.some(
              (each) =>
                each.what === what &&
                (each.rest ?? [rest]).includes(rest) &&
                Object.entries(each.where).every(([field, one]) => passes(one, field === "p" ? p : q)),
            )
          )
            calls.add(JSON.stringify([what, p, q, rest]));
  return calls;
}

test("whatever is taken for narrower allows no call that the other does not, no more often and no longer", () => {
  fc.assert(
    fc.property(grants, grants, (narrow, wide) => {
      expect(whyWider(wide, wide) === null).toBe(wide.allow.length > 0);
      if (whyWider(narrow, wide) !== null) return;
      const wider = callsOf(wide);
      expect([...callsOf(narrow)].filter((call) => !wider.has(call))).toEqual([]);
      expect(narrow.limits.expires).toBeLessThanOrEqual(wide.limits.expires);
      expect(wide.limits.uses === null || (narrow.limits.uses ?? Infinity) <= wide.limits.uses).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("the proposal that these tests change is a grant", () => {
  expect(decodeGrant(JSON.parse(JSON.stringify(proposed))).kind).toBe("ok");
});
