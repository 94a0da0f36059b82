import { createHash } from "node:crypto";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import type { Action, Digest } from "../../src/kernel/action.ts";
import type { Evaluation, Evaluator } from "../../src/kernel/decision.ts";
import type { Allow, Grant, Label, Risk, ToolClass } from "../../src/kernel/grant.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { UNCLASSIFIED } from "../../src/kernel/risk.ts";
import { createPolicyEngine, type PolicyEngine, type PolicyLoader } from "../../src/monitor/policy/policy-engine.ts";
import { vettingParts } from "../../src/monitor/policy/vetting-parts.ts";
import { vetPolicy } from "../../src/monitor/policy/vetting.ts";

export const digest: Digest = (text) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** Vets in this thread; the real one is tried in `test/policy/loading.test.ts`. */
export const hereLoader: PolicyLoader = {
  async *run(input) {
    yield* vettingParts(vetPolicy(cedar, input));
  },
};

export function makeEngine(loader: PolicyLoader = hereLoader): PolicyEngine {
  return createPolicyEngine({ cedar, loader, digest, constitution: `sha256:${"0".repeat(64)}` });
}

/** An engine with these grants and this policy in force; throws when the policy is refused. */
export async function engineWith(grants: readonly Grant[], text = ""): Promise<PolicyEngine> {
  const engine = makeEngine();
  engine.setGrants(new Map(grants.map((grant) => [grant.id, grant])));
  const loaded = await engine.load(text);
  if (loaded.kind === "refused") throw new Error(JSON.stringify(loaded.problems));
  return engine;
}

export function toolClass(fields: ToolClass["fields"] = {}, more: Partial<ToolClass> = {}): ToolClass {
  return { risk: "observe", labels: [], fields, recipients: {}, ...more };
}

/** Tools that the tests share. */
export const TOOLS: { readonly [tool: string]: ToolClass } = {
  read_file: toolClass({ path: "path" }),
  write_file: toolClass({ path: "path", content: "string" }, { risk: "reserved" }),
  pay: toolClass(
    { amount: "decimal", count: "long", urgent: "bool", tags: "strings", note: "string" },
    { risk: "reach" },
  ),
  mail: toolClass({ subject: "string" }, { recipients: { to: "email" } }),
};

export function makeGrant(allow: readonly (Allow | string)[], more: Partial<Grant> = {}): Grant {
  return {
    v: 1,
    id: "g1",
    agents: ["scout"],
    drivers: {
      files: {
        source: { kind: "stdio", command: ["node"], code: [], workspace: "read" },
        pin: `sha256:${"a".repeat(64)}`,
        tools: TOOLS,
        resources: ["file:///workspace/"],
        prompts: ["hello"],
      },
    },
    allow: allow.map((each) => (typeof each === "string" ? { what: each, where: {} } : each)),
    limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 2 ** 42 },
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
    ...more,
  };
}

export function makeAction(name: string, args: JsonObject = {}, more: Partial<Action> = {}): Action {
  return {
    v: 1,
    request: "0".repeat(32),
    agent: "scout",
    instance: `i-${"0".repeat(16)}`,
    verb: "call",
    driver: "files",
    name,
    arguments: args,
    ...more,
  };
}

export interface Asking {
  readonly labels?: readonly Label[];
  readonly risk?: Risk;
  readonly agent?: string;
  readonly tool?: ToolClass;
}

export function ask(evaluator: Evaluator, action: Action, asking: Asking = {}): Evaluation {
  const tool = asking.tool ?? (action.verb === "call" ? TOOLS[action.name] : undefined) ?? UNCLASSIFIED;
  const subject = { agent: asking.agent ?? action.agent, labels: asking.labels ?? [], risk: asking.risk ?? tool.risk };
  return evaluator.evaluate(subject, action, tool);
}

/** What the kernel makes of an evaluation as far as rules go: a permit, no forbid, no forbid in error. */
export function allows(said: Evaluation): boolean {
  return said.permits.length > 0 && said.forbids.length === 0 && !said.errors.some(({ effect }) => effect === "forbid");
}
