import { expect, test } from "vitest";
import { grant, NOW } from "../../test/fakes/kernel.ts";
import type { Provider } from "../kernel/infer.ts";
import { armingsOf } from "./agent-network.ts";
import { emptyState, type InstanceState, type State } from "./state.ts";

const TO = "https://api.example.org";
const BINDING = { secret: "login", to: TO, methods: ["POST"], path: "/v1", header: "authorization", scheme: "Bearer" };
const PROVIDER: Provider = {
  provider: "far",
  format: "anthropic",
  to: TO,
  path: "",
  tier: "public",
  class: "public",
  models: [{ name: "m-1", output: 100, price: null }],
  secret: "login",
};
const vault = { placeholder: (agent: string, secret: string) => `${agent}:${secret}` };
const worker: InstanceState = {
  instance: "i-1",
  agent: "worker",
  ancestry: [],
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

function granted(what: string): State {
  const state = emptyState();
  const commitment = `sha256:${"0".repeat(64)}`;
  const bindings = new Map([[TO, BINDING]]);
  state.secrets.set("login", {
    secret: "login",
    commitment,
    login: null,
    key: "k",
    since: NOW,
    bindings,
    ssh: new Map(),
  });
  state.providers.set("far", PROVIDER);
  const signed = grant({ id: "g", agents: ["worker"], allow: [{ what, where: {} }] });
  state.active.set("g", signed);
  state.byAgent.set("worker", new Map([["g", signed]]));
  return state;
}

test("a login that a provider's requests carry stays with its injector when it changes, for whom that model is granted", () => {
  const carried = { ...BINDING, placeholder: "worker:login" };
  expect(armingsOf({ state: granted("infer/messages"), vault, now: NOW }, worker)).toEqual([carried]);
  expect(armingsOf({ state: granted("net/fetch"), vault, now: NOW }, worker)).toEqual([]);
  const removed = granted("infer/messages");
  removed.secrets.clear();
  expect(armingsOf({ state: removed, vault, now: NOW }, worker)).toEqual([]);
});
