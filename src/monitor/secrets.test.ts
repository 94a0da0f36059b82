import { beforeEach, describe, expect, test } from "vitest";
import { grant, NOW } from "../../test/fakes/kernel.ts";
import type { Grant } from "../kernel/grant.ts";
import { grantedSecrets, injectionsOf, secretRecord, secretsOf, secretUseProblem } from "./secrets.ts";
import { emptyState, type InstanceState, type State } from "./state.ts";

const TO = "https://api.example.org";
const BINDING = { secret: "bank", to: TO, methods: ["POST"], path: "/v1", header: "x-api-key", scheme: null };
const DIGEST = `sha256:${"0".repeat(64)}`;
const USE = { BANK_KEY: { secret: "bank", to: TO } };
const vault = { placeholder: (agent: string, secret: string) => `${agent}:${secret}`, isDeposited: () => true };
let state: State;

beforeEach(() => {
  state = emptyState();
  const bindings = new Map([[TO, BINDING]]);
  state.secrets.set("bank", {
    secret: "bank",
    commitment: DIGEST,
    login: null,
    key: "k",
    since: NOW,
    bindings,
    ssh: new Map(),
  });
});

function sign(id: string, agent: string, secrets: Grant["sandbox"]["secrets"] = USE): void {
  const signed = grant({
    id,
    agents: [agent],
    sandbox: {
      workspace: "none",
      folder: null,
      programs: "none",
      home: null,
      ports: [],
      ...(secrets === undefined ? {} : { secrets }),
    },
  });
  state.active.set(id, signed);
  state.byAgent.set(agent, (state.byAgent.get(agent) ?? new Map()).set(id, signed));
}

function instance(agent: string, ancestry: readonly string[] = []): InstanceState {
  const made: InstanceState = {
    instance: `i-${agent}`,
    agent,
    ancestry,
    workspace: null,
    strict: false,
    holdAt: [],
    holdSeconds: 0,
    words: [],
    since: NOW,
    life: "running",
    why: null,
    exit: null,
    labels: [],
    done: 0,
    denied: 0,
  };
  state.instances.set(made.instance, made);
  return made;
}

describe("what may be injected", () => {
  test("is what a grant in force gives, with that agent's own placeholder", () => {
    sign("a", "worker");
    expect(injectionsOf({ state, vault, now: NOW }, instance("worker"))).toEqual([
      { ...BINDING, placeholder: "worker:bank" },
    ]);
    expect(injectionsOf({ state, vault, now: NOW }, instance("stranger"))).toEqual([]);
  });

  test("is nothing any more once the grant is revoked or has ended, or the secret or its binding is gone", () => {
    sign("a", "worker");
    const worker = instance("worker");
    expect(injectionsOf({ state, vault, now: NOW + 3_600_000 }, worker)).toEqual([]);
    const { bindings, ...bank } = state.secrets.get("bank") ?? { bindings: new Map(), ssh: new Map(), login: null };
    state.secrets.set("bank", {
      secret: "bank",
      commitment: DIGEST,
      key: "k",
      since: NOW,
      ...bank,
      bindings: new Map(),
    });
    expect(injectionsOf({ state, vault, now: NOW }, worker)).toEqual([]);
    state.secrets.set("bank", { secret: "bank", commitment: DIGEST, key: "k", since: NOW, ...bank, bindings });
    expect(injectionsOf({ state, vault, now: NOW }, worker)).toHaveLength(1);
    state.byAgent.get("worker")?.delete("a");
    expect(injectionsOf({ state, vault, now: NOW }, worker)).toEqual([]);
  });

  test("never exceeds what everyone above was granted (CHILD-LESS)", () => {
    sign("a", "child");
    const parent = instance("parent");
    const child = instance("child", [parent.instance]);
    expect(secretsOf(state, child, NOW).size).toBe(0);
    sign("b", "parent", { OTHER: { secret: "bank", to: "https://other.example.org" } });
    expect(secretsOf(state, child, NOW).size).toBe(0);
    sign("c", "parent", { ANY_NAME: { secret: "bank", to: TO } });
    expect([...secretsOf(state, child, NOW).keys()]).toEqual(["BANK_KEY"]);
    // One whose delegator is not known gets nothing.
    expect(secretsOf(state, { ...child, ancestry: ["i-gone"] }, NOW).size).toBe(0);
  });

  test("is nothing under a variable that two grants name differently", () => {
    sign("a", "worker");
    sign("b", "worker", {
      BANK_KEY: { secret: "bank", to: "https://other.example.org" },
      SECOND: { secret: "bank", to: TO },
    });
    expect([...grantedSecrets(state, "worker", NOW).keys()]).toEqual(["SECOND"]);
  });
});

test("a grant whose secret is not set or not bound there is a mistake that is told when it is signed", () => {
  expect(secretUseProblem(state, USE)).toBeNull();
  expect(secretUseProblem(state, { A: { secret: "none", to: TO } })).toContain("no secret");
  expect(secretUseProblem(state, { A: { secret: "bank", to: "https://other.example.org" } })).toContain("not bound");
});

describe("a statement about a secret", () => {
  const key = "ed25519:0123456789abcdef";
  const set = { secret: "lamp", kind: "value", commitment: DIGEST };
  const record = (
    purpose: "set-secret" | "rotate-secret" | "bind-secret" | "remove-secret",
    document: object,
  ): unknown => secretRecord({ purpose, document: JSON.parse(JSON.stringify(document)), key }, { state, vault });

  test("makes a record that names it and its commitment or destination", () => {
    expect(record("set-secret", set)).toEqual({ kind: "secret-set", secret: "lamp", commitment: DIGEST, key });
    expect(record("bind-secret", BINDING)).toEqual({ kind: "secret-bound", secret: "bank", to: TO, key });
    expect(record("remove-secret", { secret: "bank" })).toEqual({ kind: "secret-removed", secret: "bank", key });
  });

  test.each<[string, Parameters<typeof record>[0], object]>([
    ["a name that is set", "set-secret", { ...set, secret: "bank" }],
    ["a name that is not", "rotate-secret", set],
    ["a binding of a secret that is not set", "bind-secret", { ...BINDING, secret: "lamp" }],
    ["a removal of one that is not", "remove-secret", { secret: "lamp" }],
    ["the document of another purpose", "set-secret", BINDING],
  ])("is refused for %s", (_, purpose, document) => expect(() => record(purpose, document)).toThrow());

  test("is refused when its value was not handed in", () => {
    const without = { state, vault: { isDeposited: () => false } };
    const document = JSON.parse(JSON.stringify(set));
    expect(() => secretRecord({ purpose: "set-secret", document, key }, without)).toThrow(/not handed in/);
  });
});
