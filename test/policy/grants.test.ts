import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Condition, FieldType } from "../../src/kernel/grant.ts";
import type { JsonValue } from "../../src/kernel/json.ts";
import { grantToCedar } from "../../src/monitor/policy/grant-permits.ts";
import { allows, ask, engineWith, makeAction, makeGrant, toolClass } from "./fixtures.ts";

/** Texts that have ended literals, comments, patterns and displays elsewhere. */
const NASTY: readonly string[] = [
  "",
  "a",
  "*",
  "a*",
  "\\",
  '"',
  '\\"',
  '"); permit(principal, action, resource); //',
  '" || true || "',
  "// x",
  "\n",
  "\r",
  "\0",
  "\u{202e}abc",
  "\u{1f600}",
  "é",
  "e\u0301",
  "\u{10ffff}",
  "?principal",
  "${x}",
  "\\u{41}",
  "__proto__",
  "decimal",
];
const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.string({ maxLength: 4 }),
);
const segment = fc.oneof(
  fc.constantFrom("a", "b", "ab", "*", '"', "..", ".", "", "a b", "\\", "é", "\u{1f600}"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 3 }),
);
const path = fc
  .tuple(fc.constantFrom("/", "/", "/", ""), fc.array(segment, { maxLength: 4 }), fc.constantFrom("", "", "/"))
  .map(([start, segments, end]) => start + segments.join("/") + end);
const long = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 53, -(2 ** 53), 1e300, -1e300, 2 ** 63),
);
const decimal = fc
  .oneof(
    fc.integer({ min: -30_000, max: 30_000 }).map((units) => units / 10_000),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(
      1.00001,
      -1.00001,
      1e-7,
      -1e-7,
      922337203685477.5,
      922337203685478,
      -922337203685478,
      1e21,
      1e300,
      0.1 + 0.2,
    ),
    fc.double({ noNaN: true, min: -10, max: 10 }),
  )
  .filter((value) => !Object.is(value, -0));

const VALUES: { readonly [type in FieldType]: fc.Arbitrary<JsonValue> } = {
  string: text,
  path,
  long,
  decimal,
  bool: fc.boolean(),
  strings: fc.array(text, { maxLength: 3 }),
};
const TYPES = ["string", "path", "long", "decimal", "bool", "strings"] as const;

const anyCondition: fc.Arbitrary<Condition> = fc.oneof(
  fc.oneof(text, path, long, decimal, fc.boolean()).map((equals) => ({ equals })),
  fc.array(fc.oneof(text, path), { maxLength: 3 }).map((list) => ({ in: list })),
  path.map((under) => ({ under })),
  fc.oneof(long, decimal).map((max) => ({ max })),
);
const cleanPath = fc
  .array(fc.constantFrom("a", "b", "*", "a b", '"'), { maxLength: 3 })
  .map((parts) => `/${parts.join("/")}`);

/** Conditions that fit a type, and now and then any other. */
function conditionOn(type: FieldType): fc.Arbitrary<Condition> {
  const fitting: { readonly [type in FieldType]: fc.Arbitrary<Condition> } = {
    string: fc.oneof(
      text.map((equals) => ({ equals })),
      fc.array(text, { maxLength: 3 }).map((list) => ({ in: list })),
    ),
    path: fc.oneof(
      cleanPath.map((under) => ({ under })),
      path.map((under) => ({ under })),
      path.map((equals) => ({ equals })),
    ),
    long: fc.oneof(
      long.map((equals) => ({ equals })),
      fc.oneof(long, decimal).map((max) => ({ max })),
    ),
    decimal: fc.oneof(
      decimal.map((equals) => ({ equals })),
      decimal.map((max) => ({ max })),
    ),
    bool: fc.boolean().map((equals) => ({ equals })),
    strings: fc.array(text, { maxLength: 3 }).map((list) => ({ in: list })),
  };
  return fc.oneof({ weight: 4, arbitrary: fitting[type] }, { weight: 1, arbitrary: anyCondition });
}

/** A value that often meets the condition, so that both answers are seen. */
function near(wanted: Condition, type: FieldType): fc.Arbitrary<JsonValue | undefined> {
  const hits: JsonValue[] = [];
  if ("equals" in wanted) hits.push(wanted.equals, [String(wanted.equals)]);
  if ("in" in wanted) hits.push(...wanted.in, [...wanted.in]);
  if ("under" in wanted) hits.push(wanted.under, `${wanted.under}/a`, `${wanted.under}/../a`, `${wanted.under}a`);
  if ("max" in wanted) hits.push(wanted.max, Math.floor(wanted.max));
  return fc.oneof(fc.constantFrom<JsonValue>(...hits), VALUES[type], fc.constant(undefined));
}

/** The segments of a path, or null when it is not absolute or has more than one reading. Written for this test alone. */
function segmentsOf(value: string): readonly string[] | null {
  if (!value.startsWith("/") || !value.isWellFormed() || /[\p{Cc}]/u.test(value)) return null;
  if (value === "/") return [];
  const segments = value.split("/").slice(1);
  return segments.some((each) => each === "" || each === "." || each === "..") ? null : segments;
}

/** What a condition means, in plain TypeScript. */
function meant(value: JsonValue | undefined, options: { wanted: Condition; type: FieldType }): boolean {
  const { wanted, type } = options;
  if (value === undefined) return false;
  switch (type) {
    case "string":
    case "path":
      if (typeof value !== "string" || !value.isWellFormed()) return false;
      // An absolute path with several readings meets nothing.
      if (type === "path" && value.startsWith("/") && segmentsOf(value) === null) return false;
      if ("equals" in wanted) return value === wanted.equals;
      if ("in" in wanted) return wanted.in.includes(value);
      if ("under" in wanted && type === "path") {
        const root = segmentsOf(wanted.under);
        const segments = segmentsOf(value);
        return root !== null && segments !== null && root.every((each, index) => segments[index] === each);
      }
      return false;
    case "strings": {
      if (!Array.isArray(value) || value.some((each) => typeof each !== "string" || !each.isWellFormed())) return false;
      if ("equals" in wanted) return typeof wanted.equals === "string" && value.every((each) => each === wanted.equals);
      return "in" in wanted && value.every((each) => typeof each === "string" && wanted.in.includes(each));
    }
    case "bool":
      return typeof value === "boolean" && "equals" in wanted && value === wanted.equals;
    case "long":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) return false;
      return ("equals" in wanted && value === wanted.equals) || ("max" in wanted && value <= wanted.max);
    case "decimal":
      if (typeof value !== "number" || !/^-?\d+(\.\d{1,4})?$/.test(String(value))) return false;
      if (Math.abs(value) > 922337203685477.5) return false;
      return ("equals" in wanted && value === wanted.equals) || ("max" in wanted && value <= wanted.max);
    default:
      return type satisfies never;
  }
}

const asked = fc
  .constantFrom(...TYPES)
  .chain((type) =>
    conditionOn(type).chain((wanted) =>
      fc.record({ type: fc.constant(type), wanted: fc.constant(wanted), value: near(wanted, type) }),
    ),
  );

describe("A grant's permit", () => {
  test("says what the grant says, for any condition and any value", async () => {
    let yes = 0;
    let no = 0;
    await fc.assert(
      fc.asyncProperty(asked, async ({ type, wanted, value }) => {
        const tool = toolClass({ f: type });
        const driver = makeGrant([]).drivers["files"];
        if (driver === undefined) throw new Error("no driver");
        const drivers = { files: { ...driver, tools: { probe: tool } } };
        const engine = await engineWith([makeGrant([{ what: "files/probe", where: { f: wanted } }], { drivers })]);
        const said = ask(engine.evaluator, makeAction("probe", value === undefined ? {} : { f: value }), { tool });
        const expected = meant(value, { wanted, type });
        if (expected) yes += 1;
        else no += 1;
        expect(said).toEqual({ permits: expected ? ["g1"] : [], forbids: [], errors: [] });
      }),
      { numRuns: 2_500 },
    );
    // The generator would prove nothing if one answer were rare.
    expect(yes).toBeGreaterThan(200);
    expect(no).toBeGreaterThan(200);
  });

  test("is exactly one permit, whatever the texts in the grant are", () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), path, text, (list, under, field) => {
        const drivers = {
          files: {
            source: { kind: "http" as const, url: "http://localhost/" },
            pin: "",
            tools: { read_file: toolClass({ [field]: "string", path: "path" }) },
            resources: [],
            prompts: [],
          },
        };
        const grant = makeGrant(
          [
            { what: "files/read_file", where: { [field]: { in: list }, path: { under } } },
            { what: `files/${field}`, where: {} },
            { what: `files#${field}/`, where: {} },
            { what: `files@${field}`, where: {} },
          ],
          { drivers },
        );
        for (const rule of Object.values(grantToCedar(grant))) {
          const parts = cedar.policySetTextToParts(rule);
          expect(parts).toMatchObject({ type: "success", policy_templates: [] });
          expect(parts.type === "success" && parts.policies.length).toBe(1);
          expect(rule).toMatch(/^[\x20-\x7e]*$/);
          const read = cedar.policyToJson(rule);
          expect(read.type === "success" && read.json).toMatchObject({
            effect: "permit",
            principal: { op: "==", entity: { type: "Agent", id: "scout" } },
            action: { op: "==" },
            resource: { op: "==", entity: { type: "Driver", id: "files" } },
          });
        }
      }),
      { numRuns: 500 },
    );
  });

  test("allows its own agents, its own tool and its own driver only", async () => {
    const { evaluator } = await engineWith([makeGrant(["files/read_file"], { agents: ["scout", "helper"] })]);
    const action = makeAction("read_file", { path: "/a" });
    expect(allows(ask(evaluator, action))).toBe(true);
    expect(allows(ask(evaluator, action, { agent: "helper" }))).toBe(true);
    expect(allows(ask(evaluator, action, { agent: "other" }))).toBe(false);
    expect(allows(ask(evaluator, makeAction("write_file", { path: "/a" })))).toBe(false);
    expect(allows(ask(evaluator, makeAction("read_file", { path: "/a" }, { driver: "disk" })))).toBe(false);
  });

  test("names all grants that allow, each once", async () => {
    const { evaluator } = await engineWith([
      makeGrant(["files/read_file", { what: "files/read_file", where: { path: { under: "/" } } }]),
      makeGrant(["files/read_file"], { id: "g2" }),
      makeGrant([{ what: "files/read_file", where: { path: { under: "/other" } } }], { id: "g3" }),
    ]);
    const said = ask(evaluator, makeAction("read_file", { path: "/a" }));
    expect(said.permits.toSorted()).toEqual(["g1", "g2"]);
  });

  test("gives reads below a prefix, reads of one resource, and one prompt", async () => {
    const { evaluator } = await engineWith([
      makeGrant(["files#file:///workspace/", "files#demo://one", "files@hello"]),
    ]);
    const read = (name: string): boolean => allows(ask(evaluator, makeAction(name, {}, { verb: "read" })));
    expect(read("file:///workspace/a.txt")).toBe(true);
    expect(read("demo://one")).toBe(true);
    expect(read("demo://one/more")).toBe(false);
    expect(read("file:///workspace")).toBe(false);
    expect(read("file:///workspace2/a")).toBe(false);
    expect(read("file:///workspace/../etc/passwd")).toBe(false);
    expect(read("file:///workspace/%2e%2e/etc/passwd")).toBe(false);
    expect(read("file:///workspace/..%2fetc/passwd")).toBe(false);
    const prompt = (name: string): boolean => allows(ask(evaluator, makeAction(name, {}, { verb: "prompt" })));
    expect(prompt("hello")).toBe(true);
    expect(prompt("hell")).toBe(false);
    // A tool, a resource and a prompt of one name are three things.
    expect(allows(ask(evaluator, makeAction("hello")))).toBe(false);
    expect(read("hello")).toBe(false);
  });

  test("reads a recipient given alone as a list of one", async () => {
    const where = { to: { in: ["ann@x.org", "bob@x.org"] } };
    const { evaluator } = await engineWith([makeGrant([{ what: "files/mail", where }])]);
    const mail = (to: JsonValue): boolean => allows(ask(evaluator, makeAction("mail", { to })));
    expect(mail("ann@x.org")).toBe(true);
    expect(mail(["ann@x.org", "bob@x.org"])).toBe(true);
    expect(mail("eve@x.org")).toBe(false);
    expect(mail(["ann@x.org", "eve@x.org"])).toBe(false);
    expect(mail({ 0: "ann@x.org" })).toBe(false);
  });

  test("gives nothing for a tool whose fields were signed with other types", async () => {
    const { evaluator } = await engineWith([
      makeGrant([{ what: "files/read_file", where: { path: { equals: "/a" } } }]),
    ]);
    const action = makeAction("read_file", { path: "/a" });
    expect(allows(ask(evaluator, action))).toBe(true);
    const said = ask(evaluator, action, { tool: toolClass({ path: "long" }) });
    expect(said).toEqual({ permits: [], forbids: [], errors: [{ rule: "g1/0/scout", effect: "permit" }] });
  });

  test("has no meaning when what it is about cannot be read", () => {
    const unreadable = ["", "files", "files/", "/x", "#x", "files\ud800/x", "files/\ud800"];
    expect(grantToCedar(makeGrant(unreadable))).toEqual({});
  });
});
