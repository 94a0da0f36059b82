import { describe, expect, it } from "vitest";
import { planSteps, type Step } from "./steps.ts";

type Start = Parameters<typeof planSteps>[1];

const servers = (files: { readonly [path: string]: object }, how: Partial<Start> = {}): readonly Step[] =>
  planSteps(new Map(Object.entries(files).map(([path, value]) => [path, JSON.stringify(value)])), {
    entry: null,
    given: [],
    ...how,
  }).steps.filter(({ kind }) => kind === "server");
const configured = (count: number): object => ({
  mcpServers: Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}`, { command: "node" }])),
});

describe("servers that a configuration starts", () => {
  it("are run in its folder, with what it says and the variables of the person", () => {
    const env = { WORDS_KEY: "${WORDS_KEY}", MODE: "${CLAUDE_PLUGIN_ROOT}/fast" };
    const entry = { command: "python3", args: ["${CLAUDE_PLUGIN_ROOT}/server.py", "-v"], env };
    const found = servers({ ".mcp.json": { mcpServers: { notes: entry, far: { url: "https://mcp.example.com" } } } });
    expect(found).toMatchObject([{ title: "server notes", cwd: "/extension", place: { path: ".mcp.json" } }]);
    expect(found[0]?.command).toEqual(["python3", "/extension/server.py", "-v"]);
    expect(found[0]?.environment).toEqual({ CLAUDE_PLUGIN_ROOT: "/extension", MODE: "/extension/fast" });
  });

  it("are counted where they are too many, and never left out in silence", () => {
    const texts = new Map([[".mcp.json", JSON.stringify(configured(11))]]);
    const plan = planSteps(texts, { entry: null, given: [] });
    expect([plan.steps.length, plan.left]).toEqual([8, 3]);
  });
});

describe("the command of a grant", () => {
  const signed = ["node", "/extension/other.js", "/workspace"];
  const bundle = {
    "manifest.json": { server: { mcp_config: { command: "node", args: ["a.js"], env: { MODE: "fast" } } } },
  };

  it("stands in the place of what the extension says", () => {
    expect(servers({}, { entry: "a.js", given: ["-v"] })[0]?.command).toEqual(["node", "/extension/a.js", "-v"]);
    expect(servers({}, { entry: "a.js", command: signed })[0]?.command).toEqual(signed);
    expect(servers({}, { command: signed })[0]?.command).toEqual(signed);
    expect(servers({})).toEqual([]);
  });

  it("does so for a bundle too, in the environment that it asks for", () => {
    expect(servers(bundle, { given: ["-v"] })[0]?.command).toEqual(["node", "a.js", "-v"]);
    expect(servers(bundle, { command: signed })).toMatchObject([{ command: signed, environment: { MODE: "fast" } }]);
  });
});
