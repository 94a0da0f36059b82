import { describe, expect, test } from "vitest";
import { action, decisionInput, grant, NOW, OPEN_CONTEXT, subject } from "../../test/fakes/kernel.ts";
import { decideAction } from "./decision.ts";
import { type Label } from "./grant.ts";
import { decodeGrant } from "./grant-decoder.ts";
import {
  answerLabels,
  costOf,
  dataClass,
  decodeInferCall,
  decodeProvider,
  decodeProviderRemoval,
  endpointPath,
  estimate,
  INFER_TOOLS,
  mayShow,
  type InferCall,
  type PrivacyClass,
  type Provider,
} from "./infer.ts";
import { addUse, checkLimits, NO_USAGE, settleSpent } from "./limits.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;
const PROVIDER: Provider = {
  provider: "far",
  format: "anthropic",
  to: "https://api.example.org",
  path: "",
  tier: "partner",
  class: "private",
  models: [{ name: "big", output: 1000, price: { input: 3_000_000, output: 15_000_000 } }],
  secret: "far-key",
};
const ARGS = {
  provider: "far",
  model: "big",
  endpoint: "messages",
  stream: true,
  maxOutput: 100,
  inputTokens: 50,
  features: [],
  bytes: 150,
  body: DIGEST,
  headers: [["anthropic-version", "2023-06-01"]],
};

describe("what a model is asked for", () => {
  test("reads to what it says", () => {
    expect(decodeInferCall("messages", ARGS)).toEqual({ kind: "ok", value: { tool: "messages", ...ARGS } });
    expect(decodeInferCall("messages", { ...ARGS, endpoint: "count", maxOutput: 0 }).kind).toBe("ok");
    expect(decodeInferCall("extras", { ...ARGS, features: ["server-tools"] }).kind).toBe("ok");
  });
  test.each<[string, string, object]>([
    ["by another tool than its format's", "chat", {}],
    ["by a tool for plain requests with a feature", "messages", { features: ["server-tools"] }],
    ["by the tool for features without one", "extras", {}],
    ["with a feature that nobody knows", "extras", { features: ["teleport"] }],
    ["with a header of a client's own", "messages", { headers: [["authorization", "x"]] }],
    ["with the digest of nothing", "messages", { body: "abc" }],
    ["with fewer than no tokens", "messages", { inputTokens: -1 }],
    ["with a field more", "messages", { url: "https://evil.example.org" }],
  ])("is refused %s", (_, tool, change) => {
    expect(decodeInferCall(tool, JSON.parse(JSON.stringify({ ...ARGS, ...change }))).kind).toBe("refused");
  });
});

describe("a provider", () => {
  const read = (change: object): ReturnType<typeof decodeProvider> =>
    decodeProvider(JSON.parse(JSON.stringify({ ...PROVIDER, ...change })));
  test("reads to what it says", () => {
    expect(read({})).toEqual({ kind: "ok", value: PROVIDER });
    expect(read({ to: "http://localhost:8080", tier: "local", path: "/v1", secret: null }).kind).toBe("ok");
    expect(decodeProviderRemoval({ provider: "far" })).toEqual({ kind: "ok", value: { provider: "far" } });
  });
  test.each<[string, object]>([
    ["in clear on another machine", { to: "http://api.example.org" }],
    ["called local on another machine", { tier: "local" }],
    ["on this machine and not called local", { to: "http://localhost:1", tier: "partner" }],
    ["with a path of two readings", { path: "/v1/.." }],
    ["without models", { models: [] }],
    ["with a model twice", { models: [PROVIDER.models[0], PROVIDER.models[0]] }],
    ["of a class that nobody knows", { class: "any" }],
    ["with a field more", { key: "sk-12345678" }],
  ])("is refused %s", (_, change) => expect(read(change).kind).toBe("refused"));

  test("speaks the endpoints of its format", () => {
    expect(endpointPath(PROVIDER, "messages")).toBe("/v1/messages");
    expect(endpointPath(PROVIDER, "count")).toBe("/v1/messages/count_tokens");
    expect(endpointPath(PROVIDER, "chat")).toBeNull();
    expect(endpointPath({ format: "openai", path: "/v1" }, "responses")).toBe("/v1/responses");
  });
});

test.each<[readonly Label[], boolean, PrivacyClass]>([
  [[], false, "public"],
  [["untrusted"], false, "public"],
  [["private"], false, "private"],
  [[], true, "private"],
  [["secret", "private"], true, "secret"],
])("data with labels %j, in sight of a workspace %s, is %s", (labels, workspace, expected) => {
  expect(dataClass(labels, workspace)).toBe(expected);
});

test("a provider sees its own class and less, never more", () => {
  const seen = (["public", "private", "secret"] as const).map((data) =>
    (["public", "private", "secret"] as const).map((each) => mayShow({ class: each }, data)),
  );
  expect(seen).toEqual([
    [true, true, true],
    [false, true, true],
    [false, false, true],
  ]);
});

test("words of a model that anybody runs are words from outside", () => {
  expect(answerLabels({ tier: "public" })).toEqual(["untrusted"]);
  expect(answerLabels({ tier: "local" })).toEqual([]);
});

function call(change: Partial<InferCall> = {}): InferCall {
  return { tool: "messages", ...ARGS, ...change } as InferCall;
}

test("an estimate is all that a request may spend, rounded up", () => {
  const [model] = PROVIDER.models;
  if (model === undefined) throw new Error("no model");
  expect(estimate(call(), model)).toEqual({ input: 50, output: 100, cost: 150 + 1500 });
  // What is not said is as much as the model has.
  expect(estimate(call({ maxOutput: null }), model).output).toBe(1000);
  expect(estimate(call({ endpoint: "count" }), model)).toEqual({ input: 0, output: 0, cost: 0 });
  expect(costOf({ ...model, price: { input: 1, output: 1 } }, { input: 1, output: 0 })).toBe(1);
  expect(costOf({ ...model, price: null }, { input: 1e6, output: 1e6 })).toBe(0);
});

describe("a decision on a request to a model", () => {
  const asked = action({ driver: "infer", name: "messages", arguments: JSON.parse(JSON.stringify(ARGS)) });
  const allowed = grant({ allow: [{ what: "infer/messages", where: {} }] });
  const providers = new Map([["far", PROVIDER]]);
  const decide = (change: Parameters<typeof decisionInput>[0] = {}): ReturnType<typeof decideAction> =>
    decideAction(
      decisionInput({
        action: asked,
        tool: INFER_TOOLS.messages,
        grants: [allowed],
        infer: { providers, seesWorkspace: false, context: OPEN_CONTEXT },
        ...change,
      }),
    );

  test("lets through what a grant names", () => {
    expect(decide()).toMatchObject({ kind: "granted", risk: "infer" });
    expect(decide({ grants: [] })).toMatchObject({ kind: "denied", code: "no-grant" });
  });
  test("denies a provider that nobody registered, and a model that it does not have", () => {
    expect(decide({ infer: { providers: new Map(), seesWorkspace: false, context: OPEN_CONTEXT } })).toMatchObject({
      code: "unknown-provider",
    });
    const other = { ...asked, arguments: { ...asked.arguments, model: "bigger" } };
    expect(decide({ action: other })).toMatchObject({ code: "unknown-provider" });
  });
  test("holds the labels of the whole chain against the provider's class", () => {
    expect(decide({ chain: [subject({ labels: ["private"] })] }).kind).toBe("granted");
    expect(decide({ chain: [subject({ labels: ["secret"] })] })).toMatchObject({ code: "privacy-class" });
    const open = new Map([["far", { ...PROVIDER, class: "public" as const }]]);
    expect(decide({ infer: { providers: open, seesWorkspace: true, context: OPEN_CONTEXT } })).toMatchObject({
      code: "privacy-class",
    });
    expect(decide({ infer: { providers: open, seesWorkspace: false, context: OPEN_CONTEXT } }).kind).toBe("granted");
  });
  test("holds the most that it may spend against what is left", () => {
    const spent = { input: 900, output: 0, cost: 0 };
    const limited = (budget: NonNullable<typeof allowed.limits.budget>): typeof allowed =>
      grant({ allow: allowed.allow, limits: { budget } });
    const none = { input: null, output: null, cost: null };
    const usage = new Map([["g-plain", { ...NO_USAGE, spent }]]);
    expect(decide({ usage, grants: [limited({ ...none, input: 950 })] }).kind).toBe("granted");
    expect(decide({ usage, grants: [limited({ ...none, input: 949 })] })).toMatchObject({ code: "limit-tokens" });
    expect(decide({ usage, grants: [limited({ ...none, output: 99 })] })).toMatchObject({ code: "limit-tokens" });
    expect(decide({ usage, grants: [limited({ ...none, cost: 1649 })] })).toMatchObject({ code: "limit-cost" });
  });
});

test("what was spent takes the place of what was expected, and a number that is none fits no budget", () => {
  const limited = grant({ limits: { budget: { input: 100, output: null, cost: null } } });
  const expected = { input: 80, output: 10, cost: 0 };
  const used = addUse(NO_USAGE, { now: NOW, bytes: 0, spent: expected, grant: limited });
  const use = { now: NOW, bytes: 0, spent: { input: 50, output: 1, cost: 0 } };
  expect(checkLimits(limited, used, use)).toBe("limit-tokens");
  const settled = settleSpent(used, { expected, actual: { input: 20, output: 1, cost: 0 } });
  expect(settled.spent).toEqual({ input: 20, output: 1, cost: 0 });
  expect(checkLimits(limited, settled, use)).toBeNull();
  expect(checkLimits(limited, settled, { ...use, spent: { input: NaN, output: 0, cost: 0 } })).toBe("limit-tokens");
});

test("a grant's budget is left out when there is none, and is strict when there is", () => {
  const read = (budget: unknown): string => {
    const { limits, ...rest } = grant();
    return decodeGrant(JSON.parse(JSON.stringify({ ...rest, limits: { ...limits, budget } }))).kind;
  };
  expect(read({ input: 1, output: null, cost: null })).toBe("ok");
  expect(read({ input: 0, output: null, cost: null })).toBe("refused");
  expect(read({ input: 1, output: null })).toBe("refused");
  expect(read(null)).toBe("refused");
});
