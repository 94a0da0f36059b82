import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MEMORY_FAULTS } from "../src/monitor/memory/fault.ts";
import { LOG_TROUBLES } from "../src/protocol/log-trouble.ts";
import { REFUSALS } from "../src/monitor/faults.ts";
import { REASONS } from "../src/kernel/codes.ts";
import { shownTwice, unknownCommands } from "./messages.ts";
import { IMPORT_MATRIX, PACKAGE_HOMES, type LayerRule } from "./import-matrix.ts";
import {
  isNode,
  nameOf,
  parseModule,
  readModules,
  ROOT,
  stringOf,
  type ImportFound,
  type SourceModule,
} from "./source-modules.ts";

const LONGEST_FILE = 400;

/** Parts of one idea that are proven through the test of the whole; in the order of their paths. */
const PROVEN_BY: { readonly [module: string]: string } = {
  "src/kernel/chat-parameters.ts": "src/kernel/chat.test.ts",
  "src/kernel/chat-services.ts": "src/kernel/chat.test.ts",
  "src/kernel/decoded.ts": "src/kernel/action.test.ts",
  "src/kernel/fault.ts": "src/kernel/pipeline.test.ts",
  "src/kernel/fields.ts": "src/kernel/decision.test.ts",
  "src/kernel/grant-decoder.ts": "src/kernel/grant.test.ts",
  "src/kernel/memory-digest.ts": "src/kernel/memory-book.test.ts",
  "src/kernel/memory-imports.ts": "src/monitor/memory/importing.test.ts",
  "src/kernel/memory-quarantine.ts": "src/kernel/memory-book.test.ts",
  "src/kernel/needs.ts": "src/kernel/decision.test.ts",
  "src/kernel/reading.ts": "src/kernel/grant.test.ts",
  "src/kernel/source-entries.ts": "src/kernel/memory-sources.test.ts",
  "src/kernel/source-filter.ts": "src/kernel/memory-sources.test.ts",
  "src/kernel/standing.ts": "src/kernel/decision.test.ts",
  "src/protocol/as-json.ts": "src/protocol/profile.test.ts",
  "src/protocol/authority.ts": "src/protocol/requests-table.test.ts",
  "src/protocol/cose-key.ts": "src/protocol/passkey.test.ts",
  "src/protocol/digest.ts": "test/cli/digest.test.ts",
  "src/protocol/dsse.ts": "src/protocol/vectors.test.ts",
  "src/protocol/expand-grant.ts": "src/protocol/profile.test.ts",
  "src/protocol/extension-order.ts": "test/attacks/extensions.test.ts",
  "src/protocol/extension.ts": "test/extensions/says.test.ts",
  "src/protocol/face-table.ts": "src/protocol/requests-table.test.ts",
  "src/protocol/fields.ts": "src/protocol/record.test.ts",
  "src/protocol/grant-parts.ts": "src/protocol/requests-table.test.ts",
  "src/protocol/infer-anthropic.ts": "src/protocol/infer-body.test.ts",
  "src/protocol/infer-openai.ts": "src/protocol/infer-body.test.ts",
  "src/protocol/memory-export.ts": "test/evidence/memory-export.test.ts",
  "src/protocol/memory-table.ts": "src/protocol/requests-table.test.ts",
  "src/protocol/offer.ts": "src/protocol/requests-table.test.ts",
  "src/protocol/outbox.ts": "src/protocol/rpc.test.ts",
  "src/protocol/owner-key.ts": "src/monitor/owners.test.ts",
  "src/protocol/pae.ts": "src/protocol/vectors.test.ts",
  "src/protocol/proposed-grants.ts": "src/protocol/console-table.test.ts",
  "src/protocol/record-codec.ts": "src/protocol/record.test.ts",
  "src/protocol/recovery.ts": "src/monitor/owners.test.ts",
  "src/protocol/refusal.ts": "src/protocol/decode.test.ts",
  "src/protocol/rpc-error.ts": "src/protocol/rpc.test.ts",
  "src/protocol/short-grant.ts": "src/protocol/profile.test.ts",
  "src/protocol/short-home.ts": "src/protocol/profile.test.ts",
  "src/protocol/statement.ts": "src/protocol/vectors.test.ts",
  "src/protocol/units.ts": "src/protocol/profile.test.ts",
};
/** Layers that decide: their answers come from their arguments alone. */
const PURE = ["kernel", "protocol", "sandbox", "showing", "monitor"];
/** The only file that may ask a driver to run something (NO-AMBIENT, RECORD-FIRST), and how it asks. */
const DRIVER_CALL = { layer: "monitor", file: "src/monitor/execute.ts", method: "request", name: "run" };

const modules = readModules("src");
const layerOf = (path: string): string => path.split("/")[1] ?? "";

/** Why an import is not in the matrix, or null. */
function judge(module: SourceModule, found: ImportFound): string | null {
  const layer = layerOf(module.path);
  const rule: LayerRule | undefined = IMPORT_MATRIX[layer];
  if (rule === undefined) return `${layer} is no layer of the matrix`;
  if (found.target.startsWith("src/")) {
    const target = layerOf(found.target);
    if (target === layer || rule.uses.includes(target)) return null;
    if (rule.types.includes(target)) return found.typeOnly ? null : `${layer} may use types of ${target} only`;
    return `${layer} may not use ${target}`;
  }
  const homes = PACKAGE_HOMES[found.target];
  if (homes !== undefined && !homes.some((home) => module.path.startsWith(home))) {
    return `${found.target} belongs into ${homes.join(" or ")}`;
  }
  const fits = rule.packages.some(
    (name) => name === found.target || (name.endsWith("*") && found.target.startsWith(name.slice(0, -1))),
  );
  return fits ? null : `${layer} may not use ${found.target}`;
}

const breaches = (module: SourceModule): string[] =>
  module.imports.flatMap((found) => {
    const why = judge(module, found);
    return why === null ? [] : [`${module.path}: ${why}`];
  });

/** Uses of time, chance, code from text and the global object: what still type-checks without Node and a browser. */
function ambientUses(module: SourceModule): string[] {
  return module.nodes.flatMap((node) => {
    const what = ambientUse(node);
    return what === null ? [] : [`${module.path}: ${what}`];
  });
}

function ambientUse(node: { readonly type: string; readonly [field: string]: unknown }): string | null {
  const object = nameOf(node["object"]);
  const member = nameOf(node["property"]) ?? stringOf(node["property"]);
  const callee = nameOf(node["callee"]);
  switch (node.type) {
    case "MemberExpression":
      if (object === "Date" && member === "now") return "Date.now";
      if (object === "Math" && member === "random") return "Math.random";
      return null;
    case "NewExpression":
      if (callee === "Date" && Array.isArray(node["arguments"]) && node["arguments"].length === 0) return "new Date()";
      return callee === "Function" ? "new Function" : null;
    case "CallExpression":
      if (callee === "Date") return "Date()";
      return callee === "eval" || callee === "Function" ? callee : null;
    case "ImportExpression":
      return "import()";
    case "Identifier":
      return nameOf(node) === "globalThis" ? "globalThis" : null;
    default:
      return null;
  }
}

/** Reads of the environment: `process.env`, however `process` is called, and `env` taken from Node's module. */
function environmentReads(module: SourceModule): string[] {
  const member = module.nodes.some(
    (node) =>
      node.type === "MemberExpression" &&
      (nameOf(node["property"]) ?? stringOf(node["property"])) === "env" &&
      (nameOf(node["object"]) === "process" || isNode(node["object"])) &&
      /^(process|globalThis)\b/.test(rootOf(node)),
  );
  const taken = module.imports.some((found) => found.target === "node:process");
  return member || taken ? [module.path] : [];
}

function rootOf(node: { readonly [field: string]: unknown }): string {
  const object = node["object"];
  if (!isNode(object)) return "";
  return object.type === "MemberExpression" ? rootOf(object) : (nameOf(object) ?? "");
}

/** Calls by which a driver could be reached, and calls whose name cannot be read here. */
function driverCalls(module: SourceModule): string[] {
  return module.nodes.flatMap((node) => {
    if (node.type !== "CallExpression" || !isNode(node["callee"]) || !Array.isArray(node["arguments"])) return [];
    if (nameOf(node["callee"]["property"]) !== DRIVER_CALL.method) return [];
    const name = stringOf(node["arguments"][0]);
    return name === DRIVER_CALL.name || name === null ? [module.path] : [];
  });
}

describe("the layers", () => {
  it("import what the matrix allows and nothing else", () => {
    expect(modules.flatMap(breaches)).toEqual([]);
  });

  it("are all in the matrix, and the matrix has no other", () => {
    const layers = readdirSync(join(ROOT, "src")).toSorted();
    expect(layers).toEqual(Object.keys(IMPORT_MATRIX).toSorted());
  });

  it("have folders in the platform that lean on each other one way, and on nothing but what lies beside them", () => {
    const folderOf = (path: string): string => /^src\/platform\/([^/]+)\//.exec(path)?.[1] ?? "";
    const leans = new Map<string, Set<string>>();
    for (const { path, imports } of modules.filter((module) => layerOf(module.path) === "platform")) {
      const from = folderOf(path);
      const to = imports.filter(({ target }) => layerOf(target) === "platform").map(({ target }) => folderOf(target));
      for (const each of to) if (each !== from) leans.set(from, (leans.get(from) ?? new Set()).add(each));
    }
    expect(leans.size).toBeGreaterThan(5);
    // Who leans on nothing that is left is taken away until none is, or until those are left that lean in a circle.
    for (let before = -1; before !== leans.size;) {
      before = leans.size;
      for (const [from, to] of leans) if ([...to].every((each) => !leans.has(each))) leans.delete(from);
    }
    expect([...leans].map(([from, to]) => `${from} -> ${[...to].join(" ")}`)).toEqual([]);
  });

  it("keep the fences of their tsconfig: neither Node nor a browser where none belongs", () => {
    const withNode = Object.keys(IMPORT_MATRIX).filter((layer) => IMPORT_MATRIX[layer]?.packages.includes("node:*"));
    expect(withNode).toEqual(["platform", "main"]);
    for (const layer of Object.keys(IMPORT_MATRIX)) {
      const options: unknown = JSON.parse(readFileSync(join(ROOT, "src", layer, "tsconfig.json"), "utf8"));
      expect(options).toMatchObject({ extends: "../../tsconfig.base.json" });
      const own = JSON.stringify(options);
      expect({ layer, types: /"types":\["node"\]/.test(own) }).toEqual({ layer, types: withNode.includes(layer) });
      expect({ layer, loosened: /"(strict|skipLibCheck|paths)"/.test(own) }).toEqual({ layer, loosened: false });
      expect({ layer, libraries: own.includes('"lib"') }).toEqual({ layer, libraries: layer === "page" });
    }
  });

  it("that decide use no clock, no chance, no code from text and no global object", () => {
    expect(modules.filter((module) => PURE.includes(layerOf(module.path))).flatMap(ambientUses)).toEqual([]);
  });

  it("read the environment in main only", () => {
    expect(modules.filter((module) => layerOf(module.path) !== "main").flatMap(environmentReads)).toEqual([]);
  });

  it("call a driver from one place", () => {
    const calls = modules.filter((module) => layerOf(module.path) === DRIVER_CALL.layer).flatMap(driverCalls);
    expect(calls).toEqual([DRIVER_CALL.file]);
  });
});

/** Everything that is loaded before a module begins: files of ours, and packages by their names. */
function loadedFor(start: string, all: readonly SourceModule[] = modules): readonly string[] {
  const known = new Map(all.map((module) => [module.path, module]));
  const loaded = new Set([start]);
  for (const path of loaded) {
    for (const found of known.get(path)?.imports ?? []) if (!found.typeOnly && !found.late) loaded.add(found.target);
  }
  return [...loaded].toSorted();
}

describe("the command line", () => {
  it("loads no command, no table of requests and nothing of the monitor before it knows what was typed", () => {
    const loaded = loadedFor("src/main/aios.ts");
    expect(loaded).toContain("src/cli/families.ts");
    const heavy =
      /^src\/(cli\/(commands\/|catalogue)|protocol\/cli-table|monitor|extensions|telemetry|console|face)|^yaml$/;
    expect(loaded.filter((path) => heavy.test(path))).toEqual([]);
  });

  it("reads no YAML for a run under grants in force", () => {
    expect(loadedFor("src/cli/commands/providers.ts")).toContain("yaml");
    expect(loadedFor("src/cli/commands/run.ts")).not.toContain("yaml");
  });

  it("is followed through what is imported, and not into what is loaded late or are types", () => {
    const texts = {
      "src/a.ts": `import "./b.ts"; import type { C } from "./c.ts"; export const d = () => import("./d.ts");`,
      "src/b.ts": `export * from "./e.ts";`,
    };
    const all = Object.entries(texts).map(([path, text]) => parseModule(path, text));
    expect(loadedFor("src/a.ts", all)).toEqual(["src/a.ts", "src/b.ts", "src/e.ts"]);
  });
});

describe("the fence itself", () => {
  const at = (path: string, text: string): SourceModule => parseModule(path, text);

  it.each([
    ["src/kernel/x.ts", `import fs from "node:fs";`],
    ["src/kernel/x.ts", `import type { Clock } from "../platform/powers.ts";`],
    ["src/kernel/x.ts", `export { a } from "../protocol/a.ts";`],
    ["src/monitor/x.ts", `import { createClock } from "../platform/clock.ts";`],
    ["src/monitor/x.ts", `import { type Clock, createClock } from "../platform/clock.ts";`],
    ["src/monitor/x.ts", `import "@cedar-policy/cedar-wasm/nodejs";`],
    ["src/face/x.ts", `import { a } from "../monitor/a.ts";`],
    ["src/cli/x.ts", `const a = await import("node:fs");`],
    ["src/protocol/x.ts", `export * from "../sandbox/spec.ts";`],
    ["src/platform/x.ts", `import koffi from "koffi";`],
    ["src/new/x.ts", `import "../kernel/json.ts";`],
    ["src/drivers/x.ts", `const a = await import(name);`],
  ])("stops %s with %s", (path, text) => {
    expect(breaches(at(path, text))).toHaveLength(1);
  });

  it.each([
    ["src/protocol/x.ts", `import { a } from "../kernel/a.ts";`],
    ["src/monitor/x.ts", `import type { Clock } from "../platform/powers.ts";`],
    ["src/monitor/x.ts", `import { type Clock, type Timer } from "../platform/powers.ts";`],
    ["src/monitor/policy/x.ts", `import "@cedar-policy/cedar-wasm/nodejs";`],
    ["src/platform/libc.ts", `import koffi from "koffi";`],
    ["src/main/x.ts", `import fs from "node:fs"; // import "koffi"`],
    ["src/kernel/x.ts", 'const text = `import "node:fs"`;'],
  ])("lets %s pass with %s", (path, text) => {
    expect(breaches(at(path, text))).toEqual([]);
  });

  it.each([
    "Date.now()",
    "Date['now']()",
    "new Date()",
    "Math.random()",
    "eval('1')",
    "new Function('1')",
    "globalThis.x",
    "import('./x.ts')",
  ])("sees %s", (text) => expect(ambientUses(at("src/kernel/x.ts", text)).length).toBeGreaterThan(0));

  it.each(["new Date(0)", "clock.now()", "Math.max(1)", "'Date.now()'", "random.bytes(1)"])("lets %s pass", (text) => {
    expect(ambientUses(at("src/kernel/x.ts", text))).toEqual([]);
  });

  it.each(["process.env", "process['env'].X", "globalThis.process.env", `import { env } from "node:process"`])(
    "sees %s",
    (text) => {
      expect(environmentReads(at("src/platform/x.ts", text))).toHaveLength(1);
    },
  );

  it.each(["options.env", "process.argv", "spawn('x', { env: {} })"])("lets %s pass", (text) => {
    expect(environmentReads(at("src/platform/x.ts", text))).toEqual([]);
  });

  it.each([`driver.peer.request("run", {})`, "peer.request(name, {})"])("sees the driver call in %s", (text) => {
    expect(driverCalls(at("src/monitor/x.ts", text))).toEqual(["src/monitor/x.ts"]);
    expect(driverCalls(at("src/monitor/x.ts", `peer.request("open", {})`))).toEqual([]);
  });
});

describe("messages", () => {
  it("name no command that there is not", () => {
    expect(modules.flatMap(unknownCommands)).toEqual([]);
    const wrong = 'say("Run `aios ext publishers`."); hint("aios publishers enlist"); say(`see \\`aios grow ${x}\\``);';
    expect(unknownCommands(parseModule("src/cli/x.ts", wrong))).toEqual(
      ["ext publishers", "ext publishers", "publishers enlist", "grow"].map((words) => `src/cli/x.ts: aios ${words}`),
    );
    const right = 'say("Run `aios ext`, `aios ext add NAME`, `aios doctor` or `aios`."); say("aios has no tail");';
    expect(unknownCommands(parseModule("src/cli/x.ts", right))).toEqual([]);
  });

  it("of failures are made visible where they are shown, and not before", () => {
    expect(modules.flatMap(shownTwice)).toEqual([]);
    const twice = 'throw CliFailure.of("usage", `no "${makeVisible(name)}"`);';
    expect(shownTwice(parseModule("src/cli/x.ts", twice))).toHaveLength(1);
  });
});

describe("the files", () => {
  it(`have at most ${LONGEST_FILE} lines`, () => {
    expect(modules.filter((module) => module.lines > LONGEST_FILE).map((module) => module.path)).toEqual([]);
  });

  it("of kernel and protocol that do something have a test beside them, or are proven by a named one", () => {
    const does = (module: SourceModule): boolean =>
      module.nodes.some((node) => /Function|Class/.test(node.type) && node["body"] != null);
    const untested = modules
      .filter((module) => ["kernel", "protocol"].includes(layerOf(module.path)) && does(module))
      .map((module) => module.path)
      .filter((path) => !existsSync(join(ROOT, path.replace(/\.ts$/, ".test.ts"))));
    expect(untested).toEqual(Object.keys(PROVEN_BY));
    for (const test of Object.values(PROVEN_BY)) expect(existsSync(join(ROOT, test)), test).toBe(true);
  });
});

describe("docs/codes.md", () => {
  const [reasons = "", refusals = ""] = readFileSync(join(ROOT, "docs", "codes.md"), "utf8").split("# Refusals");
  const rows = (part: string): object =>
    Object.fromEntries(
      [...part.matchAll(/^\| `([a-z-]+)` +\| (.+?) +\|$/gm)].map(([, code, sentence]) => [code, sentence]),
    );

  it("lists exactly the reason codes, each with its sentence", () => {
    expect(rows(reasons)).toEqual(REASONS);
  });

  it("lists exactly the monitor's refusals, each with its sentence", () => {
    expect(rows(refusals)).toEqual(REFUSALS);
  });

  it("lists exactly the states of a log that takes no records, each with its sentence", () => {
    const [, states = ""] = readFileSync(join(ROOT, "docs", "codes.md"), "utf8").split("# States of the log");
    expect(rows(states)).toEqual(LOG_TROUBLES);
  });

  it("lists exactly what memory says in place of an answer, each with its sentence", () => {
    const [, rest = ""] = readFileSync(join(ROOT, "docs", "codes.md"), "utf8").split("# Answers of memory");
    const [answers = ""] = rest.split("\n# ");
    expect(rows(answers)).toEqual(MEMORY_FAULTS);
  });
});
