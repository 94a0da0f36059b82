import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { INFER_TOOLS } from "../../src/kernel/infer.ts";
import { asJson, startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { startScriptedModel, type ScriptedModel } from "../fakes/scripted-model.ts";
import { CLAUDE } from "./claude-code.ts";

/*
 * The real Claude Code against the inference endpoint: it knows an address and no key, and its provider gets the key from an
 * injector. `npm run proof:claude-code` fetches the package and runs this.
 */
describe("Claude Code with a model of the substrate", () => {
  const claude = CLAUDE;
  if (claude === undefined) {
    console.warn("NOT RUN: Claude Code is not fetched; npm run proof:claude-code does that and runs this");
    test.skip("the package is missing, nothing was proven", () => {});
    return;
  }
  const value = `sk-ant-${randomBytes(24).toString("hex")}`;
  let aios: Substrate;
  let model: ScriptedModel;

  beforeAll(async () => {
    aios = await startSubstrate();
    model = await startScriptedModel([
      { tool: "Bash", input: { command: "env; echo two > two.txt && cat two.txt", description: "step" } },
      { say: "Done." },
    ]);
    const to = `http://localhost:${model.port}`;
    await aios.keepSecret("anthropic", value);
    const header = { header: "x-api-key", scheme: null };
    await aios.sign("bind-secret", { secret: "anthropic", to, methods: ["POST"], path: "/v1", ...header });
    const names = ["claude-sonnet-4-5", "claude-haiku-4-5"];
    await aios.sign(
      "set-provider",
      asJson({
        provider: "anthropic",
        format: "anthropic",
        to,
        path: "",
        tier: "local",
        class: "private",
        models: names.map((name) => ({ name, output: 64_000, price: { input: 3_000_000, output: 15_000_000 } })),
        secret: "anthropic",
      }),
    );
    await aios.grant({
      id: "claude-models",
      agents: ["claude"],
      drivers: { infer: { source: { kind: "infer" }, tools: INFER_TOOLS } },
      allow: [{ what: "infer/messages", where: { provider: { equals: "anthropic" }, model: { in: names } } }],
      limits: { budget: { input: 5_000_000, output: 500_000, cost: 50_000_000 } },
      workspace: "write",
      programs: "any",
    });
  });
  afterAll(async () => {
    model.close();
    await aios.stop();
  });

  test("works with no network, no key and no prompt beyond the grant", async () => {
    const ran = await aios.run({
      agent: "claude",
      workspace: aios.workspace,
      code: [claude],
      command: [claude, "-p", "do your work", "--model", "claude-sonnet-4-5", "--allowedTools", "Bash"],
      environment: { DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" },
    });
    const asked = { from: 0, limit: 1000, instance: null, kinds: [] };
    const { entries } = await aios.client.request("log-show", asked);
    const refused = entries.flatMap(({ record }) => (record.kind === "refused" ? [record.what] : []));
    expect([refused, ran.exit, ran.stdout]).toEqual([[], 0, "Done.\n"]);
    expect(model.results().join("\n")).toContain("two");
    expect(model.results().join("\n")).not.toContain("aios-secret-");
    expect(JSON.stringify(model.results())).not.toContain(value);
    const kinds = entries.map(({ record }) => record.kind);
    expect(kinds.filter((kind) => kind === "held" || kind === "denied")).toEqual([]);
    const outcomes = entries.filter(({ record }) => record.kind === "outcome");
    expect(JSON.stringify(outcomes)).toContain('\\"spent\\"');
  });
});
