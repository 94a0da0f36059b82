import { createRequire } from "node:module";
import * as cedarModule from "@cedar-policy/cedar-wasm/nodejs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Evaluator } from "../../src/kernel/decision.ts";
import type { Condition, Grant, Label } from "../../src/kernel/grant.ts";
import { PolicyFault } from "../../src/monitor/policy/policy-fault.ts";
import { createPolicyEngine } from "../../src/monitor/policy/policy-engine.ts";
import { SlotPool } from "../../src/monitor/policy/slot-pool.ts";
import { allows, ask, digest, engineWith, hereLoader, makeAction, makeEngine, makeGrant } from "./fixtures.ts";

const ACTIONS = [
  makeAction("read_file", { path: "/a" }),
  makeAction("read_file", { path: "/b/c" }),
  makeAction("pay", { amount: 5, count: 2 }),
  makeAction("pay", { amount: 50, count: 20, urgent: true }),
  makeAction("mail", { to: ["ann@x.org"], subject: "x" }),
  makeAction("read_file", { path: "/a" }, { agent: "helper" }),
  makeAction("file:///workspace/x", {}, { verb: "read" }),
];

function allowed(evaluator: Evaluator, labels: readonly Label[]): readonly boolean[] {
  return ACTIONS.map((action) => allows(ask(evaluator, action, { labels })));
}

/** Whether nothing is true in `less` that is not true in `more`. */
function within(less: readonly boolean[], more: readonly boolean[]): boolean {
  return less.every((yes, index) => !yes || more[index] === true);
}

const condition = fc.constantFrom<[string, Condition]>(
  ["path", { under: "/b" }],
  ["path", { equals: "/a" }],
  ["amount", { max: 10 }],
  ["count", { max: 10 }],
  ["to", { in: ["ann@x.org"] }],
  ["urgent", { equals: true }],
);
const grants = fc
  .array(
    fc.record({
      agents: fc.subarray(["scout", "helper"], { minLength: 1 }),
      what: fc.constantFrom("files/read_file", "files/pay", "files/mail", "files#file:///workspace/"),
      where: fc.array(condition, { maxLength: 1 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) =>
    list.map(({ agents, what, where }, index) =>
      makeGrant([{ what, where: what.includes("#") ? {} : Object.fromEntries(where) }], { id: `g${index}`, agents }),
    ),
  );
const rule = fc.constantFrom(
  'forbid(principal == Agent::"helper", action, resource);',
  'forbid(principal, action in [Action::"files/pay", Action::"files/mail"], resource) when { context.labels.contains("untrusted") };',
  'forbid(principal, action, resource) when { context.args has path && context.args.path like "/b/*" };',
  "forbid(principal, action, resource) unless { context.args has path };",
  'forbid(principal, action in Action::"risk:reach", resource) when { context.args has count && context.args.count > 10 };',
  "forbid(principal, action, resource) when { context.args has count && 9223372036854775807 + context.args.count > 0 };",
  'forbid(principal, action == Action::"read:files", resource == Driver::"files");',
  'forbid(principal, action, resource) when { context.risk == "observe" && context.labels.contains("secret") };',
);
const labels = fc.subarray<Label>(["untrusted", "private", "secret"]);

describe("Permissions only shrink", () => {
  test("when a grant is removed or a forbid is added, whatever was asked before", async () => {
    let shrunk = 0;
    await fc.assert(
      fc.asyncProperty(
        grants,
        fc.array(rule, { maxLength: 3 }),
        rule,
        labels,
        fc.nat(),
        async (list, rules, added, seen, pick) => {
          const engine = await engineWith(list, rules.join("\n"));
          const before = allowed(engine.evaluator, seen);

          // One engine is changed in place, so that a slice that stayed behind would be found.
          await engine.load([...rules, added].join("\n"));
          const stricter = allowed(engine.evaluator, seen);
          expect(within(stricter, before)).toBe(true);
          await engine.load(rules.join("\n"));
          expect(allowed(engine.evaluator, seen)).toEqual(before);

          const gone = list[pick % list.length];
          engine.removeGrant(gone?.id ?? "");
          const fewer = allowed(engine.evaluator, seen);
          expect(within(fewer, before)).toBe(true);
          const rest = list.filter((grant) => grant !== gone);
          const afresh = makeEngine();
          afresh.setGrants(new Map(rest.map((grant) => [grant.id, grant])));
          // Restored: with its last grant gone, an action that a rule names may be gone too.
          await afresh.restore(rules.join("\n"));
          expect(fewer).toEqual(allowed(afresh.evaluator, seen));
          if (before.join() !== stricter.join() || before.join() !== fewer.join()) shrunk += 1;
        },
      ),
      { numRuns: 150 },
    );
    expect(shrunk).toBeGreaterThan(20);
  });
});

describe("A slice", () => {
  test("is the current one after every change of a grant", async () => {
    const engine = await engineWith([makeGrant(["files/read_file"])]);
    const action = makeAction("read_file", { path: "/a" });
    expect(allows(ask(engine.evaluator, action))).toBe(true);
    engine.addGrant(makeGrant([{ what: "files/read_file", where: { path: { under: "/b" } } }]));
    expect(allows(ask(engine.evaluator, action))).toBe(false);
    engine.addGrant(makeGrant(["files/read_file"], { id: "g2" }));
    expect(ask(engine.evaluator, action).permits).toEqual(["g2"]);
    engine.setGrants(new Map());
    expect(allows(ask(engine.evaluator, action))).toBe(false);
    const both = new Map<string, Grant>([
      ["g1", makeGrant(["files/read_file"])],
      ["g2", makeGrant(["files/read_file"], { id: "g2", agents: ["helper"] })],
    ]);
    engine.setGrants(both);
    expect(ask(engine.evaluator, action).permits).toEqual(["g1"]);
    both.delete("g1");
    engine.setGrants(both);
    expect(allows(ask(engine.evaluator, action))).toBe(false);
    expect(allows(ask(engine.evaluator, action, { agent: "helper" }))).toBe(true);
  });

  test("of one engine or draft is never decided by the rules of another", async () => {
    const one = await engineWith([makeGrant(["files/read_file"])]);
    const other = await engineWith([makeGrant(["files/pay"])], "forbid(principal, action, resource);");
    const draft = await one.draft("forbid(principal, action, resource);");
    const action = makeAction("read_file", { path: "/a" });
    for (let turn = 0; turn < 3; turn += 1) {
      expect(allows(ask(one.evaluator, action))).toBe(true);
      expect(allows(ask(other.evaluator, action))).toBe(false);
      expect(allows(ask(draft, action))).toBe(false);
    }
  });

  test("is prepared again when more agents act than there are slots", async () => {
    const agents = Array.from({ length: 600 }, (_, index) => `agent-${index}`);
    const odd = agents.filter((_, index) => index % 2 === 1);
    const engine = await engineWith([makeGrant(["files/read_file"], { agents: odd })]);
    const action = makeAction("read_file", { path: "/a" });
    for (let turn = 0; turn < 2; turn += 1) {
      const yes = agents.filter((agent) => allows(ask(engine.evaluator, action, { agent })));
      expect(yes).toEqual(odd);
    }
  });
});

describe("Cedar's memory", () => {
  test("stays bounded while slices come and go without end", async () => {
    const { cedar, bytes } = freshCedar();
    const engine = createPolicyEngine({ cedar, loader: hereLoader, digest, constitution: "" });
    await engine.restore("");
    const action = makeAction("read_file", { path: "/x/1" });
    const turn = (round: number): void => {
      const where = { path: { in: Array.from({ length: 20 }, (_, index) => `/x/${round}/${index}`) } };
      engine.addGrant(makeGrant([{ what: "files/read_file", where }], { agents: [`agent-${round % 1_000}`] }));
      ask(engine.evaluator, action, { agent: `agent-${round % 1_000}` });
      ask(engine.evaluator, makeAction("read_file", { path: "/x" }), { agent: `agent-${(round + 7) % 1_000}` });
    };
    for (let round = 0; round < 2_000; round += 1) turn(round);
    const settled = bytes();
    for (let round = 2_000; round < 8_000; round += 1) turn(round);
    // Every round makes a slice of several kilobytes: kept, six thousand of them would be tens of megabytes.
    expect(bytes() - settled).toBeLessThanOrEqual(1_048_576);
  });

  test("is taken back from large slices that are given up", () => {
    const { cedar, bytes } = freshCedar();
    const pool = new SlotPool<number>(cedar, { slots: 4, text: 400_000 });
    const text = (round: number): string =>
      Array.from(
        { length: 1_000 },
        (_, index) => `permit(principal == Agent::"a${round}-${index}", action, resource);`,
      ).join("\n");
    for (let round = 0; round < 20; round += 1) pool.put(`key-${round}`, { text: text(round), value: round });
    const settled = bytes();
    for (let round = 20; round < 80; round += 1) pool.put(`key-${round}`, { text: text(round), value: round });
    expect(bytes() - settled).toBeLessThanOrEqual(1_048_576);
    expect(pool.find("key-79")).toBe(79);
    expect(pool.find("key-60")).toBeUndefined();
  });

  test("is not asked again after Cedar trapped", async () => {
    let traps = false;
    let calls = 0;
    const trapping = {
      ...cedarModule,
      statefulIsAuthorized(call: Parameters<typeof cedarModule.statefulIsAuthorized>[0]) {
        calls += 1;
        if (traps) throw new RangeError("memory access out of bounds");
        return cedarModule.statefulIsAuthorized(call);
      },
    };
    const engine = createPolicyEngine({ cedar: trapping, loader: hereLoader, digest, constitution: "" });
    engine.addGrant(makeGrant(["files/read_file", "files/write_file"]));
    await engine.restore("");
    expect(allows(ask(engine.evaluator, makeAction("read_file", { path: "/a" })))).toBe(true);
    traps = true;
    // One that was not asked before: what Cedar answered while it was sound is remembered and stays true.
    const action = makeAction("write_file", { path: "/a" });
    expect(() => ask(engine.evaluator, action)).toThrow(PolicyFault);
    traps = false;
    const before = calls;
    expect(() => ask(engine.evaluator, action)).toThrowError(expect.objectContaining({ code: "broken" }));
    expect(calls).toBe(before);
  });

  test.each<[string, unknown, string]>([
    ["a failure", { type: "failure", errors: [], warnings: [] }, "bad-request"],
    [
      "a rule that was not asked",
      {
        type: "success",
        warnings: [],
        response: { decision: "allow", diagnostics: { reason: ["policy7"], errors: [] } },
      },
      "bad-answer",
    ],
    [
      "an error of an unknown rule",
      {
        type: "success",
        warnings: [],
        response: { decision: "deny", diagnostics: { reason: [], errors: [{ policyId: "x" }] } },
      },
      "bad-answer",
    ],
    [
      "a permit as the reason to deny",
      {
        type: "success",
        warnings: [],
        response: { decision: "deny", diagnostics: { reason: ["policy0"], errors: [] } },
      },
      "bad-answer",
    ],
  ])("giving %s is a fault, which denies", async (_, answer, code) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an answer that the types exclude is the point
    const lying = {
      ...cedarModule,
      statefulIsAuthorized: () => answer as ReturnType<typeof cedarModule.statefulIsAuthorized>,
    };
    const engine = createPolicyEngine({ cedar: lying, loader: hereLoader, digest, constitution: "" });
    engine.addGrant(makeGrant(["files/read_file"]));
    await engine.restore("");
    expect(() => ask(engine.evaluator, makeAction("read_file", { path: "/a" }))).toThrowError(
      expect.objectContaining({ code }),
    );
  });
});

/** What this file needs of `WebAssembly`, whose types come with browsers' libraries only. */
interface WasmInstance {
  readonly exports: { readonly memory?: { readonly buffer: ArrayBuffer } };
}
interface Wasm {
  Instance: new (...given: readonly unknown[]) => WasmInstance;
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every JavaScript engine that runs Cedar has it
const wasm = Reflect.get(globalThis, "WebAssembly") as Wasm;

/** A Cedar of its own, with the size of its wasm memory in bytes: the package keeps both to itself. */
function freshCedar(): { readonly cedar: typeof cedarModule; readonly bytes: () => number } {
  const require = createRequire(import.meta.url);
  const file = require.resolve("@cedar-policy/cedar-wasm/nodejs");
  const before = require.cache[file];
  const Instance = wasm.Instance;
  const made: WasmInstance[] = [];
  delete require.cache[file];
  try {
    wasm.Instance = class extends Instance {
      constructor(...given: readonly unknown[]) {
        super(...given);
        made.push(this);
      }
    };
    const cedar: typeof cedarModule = require(file);
    return {
      cedar,
      bytes() {
        const [instance] = made;
        const size = instance?.exports.memory?.buffer.byteLength;
        if (made.length !== 1 || size === undefined) throw new Error("cannot see the wasm memory");
        return size;
      },
    };
  } finally {
    wasm.Instance = Instance;
    if (before !== undefined) require.cache[file] = before;
  }
}
