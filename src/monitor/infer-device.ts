import type { DriverSpec, Label } from "../kernel/grant.ts";
import {
  answerLabels,
  costOf,
  decodeInferCall,
  endpointPath,
  estimate,
  INFER_TOOLS,
  type InferCall,
  type InferTool,
  type Model,
  type Provider,
  type Spent,
} from "../kernel/infer.ts";
import type { JsonObject } from "../kernel/json.ts";
import { injectedText, parseSecretOrigin, type HeaderInjection } from "../kernel/secrets.ts";
import type { Crypto } from "../platform/powers.ts";
import type { NetFault, NetOrder, NetResult } from "../protocol/net-order.ts";
import type { DriverRequests, Offer } from "../protocol/requests.ts";
import { NoCarrier, type Carrier } from "./carrier.ts";
import { builtInOffer, builtInPeer, builtInSpec } from "./built-in-device.ts";
import type { RunningDriver } from "./driver-pool.ts";
import { jsonView } from "./json-view.ts";
import type { LiveInstance } from "./live.ts";
import { bytesOf } from "./net-device.ts";
import type { State } from "./state.ts";
import type { Vault } from "./vault.ts";

const WORDS: { readonly [tool in InferTool]: string } = {
  messages: "a request in the format of Anthropic's Messages",
  chat: "a request in the format of OpenAI's Chat Completions",
  responses: "a request in the format of OpenAI's Responses",
  extras: "any of them that makes the provider reach out or keep something",
};

/** What the inference device offers. */
export const INFER_OFFER: Offer = builtInOffer("infer", WORDS);

/** The one spec of the inference device in this version. */
export function inferSpec(crypto: Pick<Crypto, "digest">): DriverSpec {
  return builtInSpec({ kind: "infer" }, { tools: INFER_TOOLS, offer: INFER_OFFER }, crypto);
}

export interface InferDevicePorts {
  readonly crypto: Pick<Crypto, "digest">;
  readonly carrier: Carrier;
  readonly state: Pick<State, "providers" | "secrets">;
  readonly vault: Pick<Vault, "placeholder">;
  bytesLeft(grants: readonly string[]): number | null;
}

/**
 * The inference device of one instance as a driver: a request to a registered provider over the instance's carrier. The body
 * comes from the face and is held against what was decided by whoever sends it; a secret is put in by its injector.
 */
export function createInferDriver(live: LiveInstance, ports: InferDevicePorts): RunningDriver {
  const { carrier, state } = ports;

  async function run(body: DriverRequests["run"]["body"]): Promise<DriverRequests["run"]["ok"]> {
    const { call, provider, model } = readCall(body.name, body.arguments, state);
    const injection = injectionFor(provider, { state, vault: ports.vault, agent: live.state.agent });
    const result = await carrier.exchange(orderOf(call, provider, { injection, context: body.context }), {
      token: body.token,
      waits: false,
      most: ports.bytesLeft(live.running.get(body.token)?.grants ?? []),
      injection,
    });
    const spent = spentBy(result, { call, model });
    return { result: jsonView({ ...result, spent: { ...spent } }), isError: result.end !== "done" };
  }

  return {
    name: "infer",
    peer: builtInPeer(INFER_OFFER, { run, cancel: carrier.cancel }),
    offer: INFER_OFFER,
    pin: inferSpec(ports.crypto).pin,
    lasting: { weigh: bytesOf, attacked: () => false, labels: (args) => labelsOf(args, state) },
    stop: carrier.stop,
  };
}

interface ReadCall {
  readonly call: InferCall;
  readonly provider: Provider;
  readonly model: Model;
}

function readCall(name: string, args: JsonObject, state: Pick<State, "providers">): ReadCall {
  const call = decodeInferCall(name, args);
  if (call.kind === "refused") throw new Error(`the decided action is no call of a model: ${call.message}`);
  const provider = state.providers.get(call.value.provider);
  const model = provider?.models.find((each) => each.name === call.value.model);
  // It was there when this was decided.
  if (provider === undefined || model === undefined) throw new NoCarrier("the provider is not registered any more");
  return { call: call.value, provider, model };
}

/** What a provider's requests carry; null when it needs no secret. Throws when the secret is not bound to it. */
function injectionFor(
  { secret, to }: Provider,
  { state, vault, agent }: { readonly agent: string } & Pick<InferDevicePorts, "vault" | "state">,
): HeaderInjection | null {
  if (secret === null) return null;
  const binding = state.secrets.get(secret)?.bindings.get(to);
  if (binding === undefined) throw new NoCarrier(`the secret "${secret}" is not bound to ${to}`);
  if ("after" in binding) throw new NoCarrier(`the secret "${secret}" is bound to a path, not a header`);
  return { ...binding, placeholder: vault.placeholder(agent, secret) };
}

function orderOf(
  call: InferCall,
  provider: Provider,
  { injection, context }: { readonly injection: HeaderInjection | null; readonly context: string | null },
): NetOrder {
  const origin = parseSecretOrigin(provider.to);
  const target = endpointPath(provider, call.endpoint);
  if (origin === null || target === null) throw new Error("the provider does not decode");
  const { endpoint, model, stream, maxOutput, inputTokens, features, bytes, body: digest } = call;
  const terms = { endpoint, model, stream, maxOutput, inputTokens, features };
  const headers: readonly (readonly [string, string])[] = [
    ["content-type", "application/json"],
    ["accept", stream ? "text/event-stream" : "application/json"],
    // Uncompressed, so that its usage can be read.
    ["accept-encoding", "identity"],
    ...call.headers,
    ...(context === null ? [] : [["traceparent", context] as const]),
    ...(injection === null ? [] : [[injection.header, injectedText(injection, injection.placeholder)] as const]),
  ];
  return {
    kind: "request",
    ...origin,
    reach: origin.host === "localhost" ? "loopback" : "public",
    method: "POST",
    target,
    headers: headers.map(([name, value]) => ({ name, value })),
    body: { kind: "infer", bytes, digest, terms },
    upgrade: false,
  };
}

/** Ends of an exchange before anything of it reached a provider. */
const NOT_SENT: ReadonlySet<NetFault | null> = new Set<NetFault>([
  "ticket-expired",
  "name-unknown",
  "address-refused",
  "tls-refused",
  "broken-request",
  "not-bound",
]);

/** What a request has spent: as the provider counted, or nothing when it did nothing, or else all that it might have. */
function spentBy(result: NetResult, { call, model }: Pick<ReadCall, "call" | "model">): Spent {
  const nothing = { input: 0, output: 0, cost: 0 };
  if (result.status === null ? NOT_SENT.has(result.fault) : result.status >= 400) return nothing;
  if (result.usage === null) return estimate(call, model);
  const { input, output } = result.usage;
  return { input, output, cost: costOf(model, { input, output }) };
}

function labelsOf(args: JsonObject, state: Pick<State, "providers">): readonly Label[] {
  const { provider } = args;
  const known = typeof provider === "string" ? state.providers.get(provider) : undefined;
  return known === undefined ? [] : answerLabels(known);
}
