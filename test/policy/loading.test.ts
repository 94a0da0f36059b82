import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PolicyLoader } from "../../src/monitor/policy/policy-engine.ts";
import { vetPolicy } from "../../src/monitor/policy/vetting.ts";
import { createPolicyLoader, createWorkerTask } from "../../src/platform/worker.ts";
import { allows, ask, hereLoader, makeAction, makeEngine, makeGrant } from "./fixtures.ts";

const PROGRAM = new URL("../../src/main/policy-worker.ts", import.meta.url);
const ONE = '@id("one") forbid(principal, action, resource) when { context.labels.contains("secret") };';

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "policy-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A loader over a worker program that goes wrong in some way. */
function badLoader(name: string, program: string): PolicyLoader {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, `import { parentPort, workerData } from "node:worker_threads";\n${program}\n`);
  return createWorkerTask(pathToFileURL(file), { milliseconds: 2_000, heap: 32, environment: {} });
}

const manyRules = (count: number): string =>
  Array.from(
    { length: count },
    (_, index) =>
      `@id("r${index}") forbid(principal == Agent::"agent-${index % 500}", action == Action::"files/read_file", resource) when { context.args has path && context.args.path like "/data/${index}/*" };`,
  ).join("\n");

describe("Loading in a worker", () => {
  test("puts a policy in force and gives the same version in another engine", async () => {
    const engine = makeEngine(createPolicyLoader(PROGRAM));
    engine.addGrant(makeGrant(["files/read_file"]));
    const loaded = await engine.load(ONE);
    expect(loaded.kind).toBe("loaded");
    expect(engine.text).toBe(ONE);
    expect(engine.version).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(ask(engine.evaluator, makeAction("read_file"), { labels: ["secret"] }).forbids).toEqual(["one"]);

    const other = makeEngine();
    expect(other.version).not.toBe(engine.version);
    await other.restore(ONE);
    expect(other.version).toBe(engine.version);
    expect(other.evaluator.version).toBe(engine.version);
  });

  test("does not hold decisions up: many are made while 10,000 rules load", async () => {
    const engine = makeEngine(createPolicyLoader(PROGRAM));
    engine.addGrant(makeGrant(["files/read_file"], { agents: ["scout", "agent-7"] }));
    await engine.load(ONE);
    const action = makeAction("read_file", { path: "/data/7/x" });
    const progress = { done: false };
    const loading = engine.load(manyRules(10_000)).finally(() => (progress.done = true));
    let meanwhile = 0;
    while (!progress.done) {
      if (allows(ask(engine.evaluator, action, { agent: "agent-7" }))) meanwhile += 1;
      await pause(5);
    }
    expect((await loading).kind).toBe("loaded");
    expect(meanwhile).toBeGreaterThan(20);
    expect(ask(engine.evaluator, action, { agent: "agent-7" }).forbids).toEqual(["r7"]);
    expect(allows(ask(engine.evaluator, action))).toBe(true);
  });

  test("takes texts in the order they were handed in", async () => {
    const engine = makeEngine(createPolicyLoader(PROGRAM));
    engine.addGrant(makeGrant(["files/read_file"]));
    const long = engine.load(manyRules(200));
    const short = engine.load(ONE);
    const empty = engine.load("");
    expect((await short).kind).toBe("loaded");
    expect(engine.text).toBe(ONE);
    await Promise.all([long, empty]);
    expect(engine.text).toBe("");
  });

  test("a check and a draft change nothing in force", async () => {
    const engine = makeEngine(createPolicyLoader(PROGRAM));
    engine.addGrant(makeGrant(["files/read_file"]));
    await engine.restore("");
    const before = engine.version;
    const checked = await engine.check(ONE);
    expect(checked).toMatchObject({ problems: [], warnings: [] });
    expect((await engine.check("permit(principal, action, resource);")).problems).toHaveLength(1);
    const draft = await engine.draft(ONE);
    expect(draft.version).toBe(checked.version);
    const action = makeAction("read_file");
    expect(ask(draft, action, { labels: ["secret"] }).forbids).toEqual(["one"]);
    expect(ask(engine.evaluator, action, { labels: ["secret"] }).forbids).toEqual([]);
    expect(ask(draft, action, { labels: ["secret"] }).forbids).toEqual(["one"]);
    expect(engine.version).toBe(before);
    await expect(engine.draft("forbid")).rejects.toMatchObject({
      code: "policy-refused",
      problems: [{ rule: "rule0" }],
    });
  });
});

test("the same mistake is told once, however many actions it shows in", async () => {
  const engine = makeEngine(createPolicyLoader(PROGRAM));
  engine.addGrant(makeGrant(["files/read_file", "files/write_file"]));
  const { problems } = await engine.check(
    "forbid(principal, action, resource) when { context.lables == 1 };\nforbid(principal, action, resource) when {\ncontext.lables == 1 || context.taint };",
  );
  const told = problems.map(({ rule, line, message }) => [
    rule,
    line,
    /attribute `(\w+)`.*; (the same .*)/u.exec(message)?.slice(1),
  ]);
  expect(told.toSorted((left, right) => (String(left) < String(right) ? -1 : 1))).toEqual([
    ["rule0", 1, ["lables", "the same for 5 other actions"]],
    ["rule1", 3, ["lables", "the same for 5 other actions"]],
    ["rule1", 3, ["taint", "the same for 5 other actions"]],
  ]);
});

describe("A worker that goes wrong has refused the text", () => {
  const rule = `{ name: 'one', text: workerData.text.slice(0, workerData.text.indexOf(';') + 1),
    scope: { agent: null, actions: null, driver: null, never: false }, names: { args: null, context: null, actions: [] } }`;
  const vetted = (rules: number): string => `{ kind: 'vetted', rules: ${rules}, typed: true, warnings: [] }`;
  const parts = (...all: readonly string[]): string =>
    `const posts = [${all.map((part) => `{ part: ${part} }`).join(", ")}, { end: true }];
     parentPort.on("message", () => parentPort.postMessage(posts.shift()));`;
  const answers: readonly [string, string][] = [
    ["crashes", "throw new Error('boom');"],
    ["ends", "process.exit(0);"],
    ["hangs", "for (;;);"],
    ["never answers", "parentPort.on('message', () => null);"],
    ["takes all memory", "const all = []; for (;;) all.push(new Array(1e6).fill(1));"],
    ["posts nothing", "parentPort.postMessage(undefined);"],
    ["posts a text", "parentPort.postMessage('vetted');"],
    ["answers nothing", parts()],
    ["answers with a text", parts("'vetted'")],
    ["answers with another shape", parts("{ kind: 'vetted', rules: 'all' }")],
    [
      "answers with one field too many",
      parts("{ kind: 'refused', problems: [{ rule: 'a', message: 'b', line: 1 }], more: 1 }"),
    ],
    ["refuses without a reason", parts("{ kind: 'refused', problems: [] }")],
    [
      "refuses and goes on",
      parts("{ kind: 'refused', problems: [{ rule: 'a', message: 'b', line: 1 }] }", `[${rule}]`),
    ],
    ["drops all rules", parts(vetted(0))],
    ["drops the last rule", parts(vetted(1), `[${rule}]`)],
    ["promises more rules", parts(vetted(2), `[${rule}]`)],
    ["changes a rule", parts(vetted(1), `[{ ...${rule}, text: 'permit(principal, action, resource);' }]`)],
    ["says the same rule twice", parts(vetted(2), `[${rule}, ${rule}]`)],
    [
      "gives two rules one name",
      parts(vetted(2), `[${rule}]`, `[{ ...${rule}, text: workerData.text.slice(workerData.text.indexOf(';') + 1) }]`),
    ],
    ["goes on for ever", `parentPort.on("message", () => parentPort.postMessage({ part: ${vetted(2)} }));`],
  ];
  test.each(answers)("when it %s", async (name, program) => {
    let bad = false;
    const wrong = badLoader(name.replaceAll(" ", "-"), program);
    const engine = makeEngine({ run: (input) => (bad ? wrong : hereLoader).run(input) });
    engine.addGrant(makeGrant(["files/read_file"]));
    await engine.load(ONE);
    const { version } = engine;
    bad = true;
    const result = await engine.load(`${ONE}\n@id("two") forbid(principal, action, resource);`);
    expect(result).toMatchObject({ kind: "refused", problems: [{ rule: "policy" }] });
    expect(engine.version).toBe(version);
    expect(ask(engine.evaluator, makeAction("read_file"), { labels: ["secret"] }).forbids).toEqual(["one"]);
    expect(allows(ask(engine.evaluator, makeAction("read_file")))).toBe(true);
    bad = false;
    expect((await engine.load(`${ONE}\n`)).kind).toBe("loaded");
  });

  test("and the worker gets nothing of the environment", async () => {
    process.env["POLICY_TEST_CANARY"] = "canary";
    const loader = badLoader("environment", parts("{ env: { ...process.env }, argv: process.argv.slice(2) }"));
    const given: unknown[] = [];
    for await (const part of loader.run({ text: "", schema: "", purpose: "load" })) given.push(part);
    delete process.env["POLICY_TEST_CANARY"];
    expect(given).toEqual([{ env: {}, argv: [] }]);
  });
});

test("A text that would break Cedar is refused before Cedar reads it", () => {
  // Each of these damages the wasm memory for good when it reaches Cedar; the bounds are what keeps them out.
  const chains = [
    `${"!(".repeat(300)}true${")".repeat(300)}`,
    `${"[".repeat(300)}1${"]".repeat(300)} == []`,
    `${"1 + ".repeat(2_000)}1 > 0`,
    `context${".a".repeat(2_000)}`,
    `${"if true then ".repeat(700)}true${" else false".repeat(700)}`,
  ];
  for (const chain of chains) {
    const text = `forbid(principal, action, resource) when { ${chain} };`;
    expect(vetPolicy(cedar, { text, schema: "entity Agent;", purpose: "load" }).kind).toBe("refused");
    expect(cedar.policyToJson("forbid(principal, action, resource);").type).toBe("success");
  }
});
