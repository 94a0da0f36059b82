import { ENDPOINTS, FEATURES, type InferCall } from "../kernel/infer.ts";
import type { NetBody } from "../kernel/net.ts";
import {
  boolean,
  integer,
  list,
  literal,
  names,
  nullable,
  object,
  oneOf,
  text,
  union,
  type Decoder,
} from "./decode.ts";
import { count, digest, empty, nonce } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import type { AnswerTable, BodyTable, Side } from "./side.ts";

/** Which addresses a name may resolve to: those of this machine, or those of the public internet. */
export type Reach = "loopback" | "public";

/** What a body for a model must ask for: that and nothing else was decided. */
export type InferTerms = Pick<InferCall, "endpoint" | "model" | "stream" | "maxOutput" | "inputTokens" | "features">;

/** A body that comes from the face and is no part of the action: its length, its digest, and what it must ask for. */
export interface InferOrderBody {
  readonly kind: "infer";
  readonly bytes: number;
  readonly digest: string;
  readonly terms: InferTerms;
}

/** What the broker is to do once: the action as it was decided, nothing besides. */
export type NetOrder =
  | {
      readonly kind: "request";
      readonly scheme: "http" | "https";
      readonly host: string;
      readonly port: number;
      readonly reach: Reach;
      readonly method: string;
      readonly target: string;
      /** `name: value` in this order. */
      readonly headers: readonly { readonly name: string; readonly value: string }[];
      readonly body: NetBody | InferOrderBody;
      readonly upgrade: boolean;
    }
  | { readonly kind: "connect"; readonly host: string; readonly port: number; readonly reach: Reach };

/** An order with its bound. */
export interface Ordered {
  readonly ticket: string;
  readonly order: NetOrder;
  /** Bytes both ways that its grants have left, or null when they have no such limit. */
  readonly most: number | null;
  /** The number under which a stream of the face waits for it; then that has it, and the ticket only names it to the monitor. */
  readonly stream?: number | null;
}

/** How an exchange ended. `failed`: nothing, or not all, came back. `cut`: the monitor or the agent ended it. */
export const NET_ENDS = ["done", "failed", "cut"] as const;

/** Why an exchange did not end well. */
export const NET_FAULTS = [
  "ticket-expired",
  "name-unknown",
  "address-refused",
  "unreachable",
  "tls-refused",
  "broken-response",
  "encoded-response",
  "broken-request",
  "limit-bytes",
  "placeholder",
  "not-bound",
  "cut",
] as const;
export type NetFault = (typeof NET_FAULTS)[number];

/** What is recorded of an exchange. */
export interface NetResult {
  readonly end: (typeof NET_ENDS)[number];
  readonly fault: NetFault | null;
  /** Status of the response, or null when there was none. */
  readonly status: number | null;
  /** Bytes of heads and bodies, as far as they were handed on. */
  readonly sent: number;
  readonly received: number;
  /** The address that was connected to. */
  readonly address: string | null;
  /** Tokens as the provider counted them in a complete answer of a model; null otherwise. */
  readonly usage: { readonly input: number; readonly output: number } | null;
}

/** Requests that the monitor sends to a broker. */
export interface BrokerRequests {
  /** Allows one exchange: whoever names the ticket, or the stream, on the face's channel within seconds gets it. Answers when it has ended. */
  exchange: { body: Ordered; ok: NetResult };
  /** Ends an exchange at once, begun or not. */
  cancel: { body: { readonly ticket: string }; ok: Record<string, never> };
  /** Ends all of them and closes every connection; what is ordered later is done as before. */
  cut: { body: Record<string, never>; ok: Record<string, never> };
}

const host = text({ min: 1, max: 253, pattern: /^[!-~]+$/ });
const port = integer({ min: 1, max: 65_535 });
const reach = oneOf(["loopback", "public"]);

const TERMS: Decoder<InferTerms> = object<InferTerms>({
  endpoint: oneOf(ENDPOINTS),
  model: text({ min: 1, max: 128, pattern: /^[!-~]+$/ }),
  stream: boolean(),
  maxOutput: nullable(count),
  inputTokens: count,
  features: names(oneOf(FEATURES), { max: FEATURES.length }),
});

type OrderBody = NetBody | InferOrderBody;

const BODY: Decoder<OrderBody> = union<OrderBody, "kind">("kind", {
  infer: object<InferOrderBody>({ kind: literal("infer"), bytes: count, digest, terms: TERMS }),
  none: object<Extract<NetBody, { kind: "none" }>>({ kind: literal("none") }),
  text: object<Extract<NetBody, { kind: "text" }>>({ kind: literal("text"), text: text({ max: 1_048_576 }) }),
  base64: object<Extract<NetBody, { kind: "base64" }>>({ kind: literal("base64"), base64: text({ max: 1_048_576 }) }),
  stream: object<Extract<NetBody, { kind: "stream" }>>({ kind: literal("stream"), length: nullable(count) }),
});

const ORDER: Decoder<NetOrder> = union<NetOrder, "kind">("kind", {
  request: object<Extract<NetOrder, { kind: "request" }>>({
    kind: literal("request"),
    scheme: oneOf(["http", "https"]),
    host,
    port,
    reach,
    method: text({ min: 1, max: 20, pattern: /^[A-Z-]+$/ }),
    target: text({ min: 1, max: 8192, pattern: /^\/[!-~]*$/ }),
    headers: list(object({ name: text({ min: 1, max: 256 }), value: text({ max: 16_384 }) }), { max: 100 }),
    body: BODY,
    upgrade: boolean(),
  }),
  connect: object<Extract<NetOrder, { kind: "connect" }>>({ kind: literal("connect"), host, port, reach }),
});

/** What a broker may be asked, with the decoder of each body. */
export const BROKER_TABLE: BodyTable<BrokerRequests> = {
  exchange: object<Ordered>(
    { ticket: nonce, order: ORDER, most: nullable(count), stream: nullable(count) },
    { defaults: { stream: null } },
  ),
  cancel: object<BrokerRequests["cancel"]["body"]>({ ticket: nonce }),
  cut: empty,
};

/** Answers of a broker: it reads what servers send, so its words are checked like a stranger's. */
export const BROKER_ANSWERS: AnswerTable<BrokerRequests> = {
  exchange: object<NetResult>({
    end: oneOf(NET_ENDS),
    fault: nullable(oneOf(NET_FAULTS)),
    status: nullable(integer({ min: 100, max: 999 })),
    sent: count,
    received: count,
    address: nullable(text({ max: 64, pattern: /^[0-9a-f:.]+$/ })),
    usage: nullable(object<NonNullable<NetResult["usage"]>>({ input: count, output: count })),
  }),
  cancel: empty,
  cut: empty,
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of a broker's channel: a broker asks nothing and says nothing unasked. */
export const MONITOR_BROKER: Side<{ serves: None; hears: None; asks: BrokerRequests; says: None }> = {
  serves: {},
  hears: {},
  asks: BROKER_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};

/** A broker's end. */
export const BROKER_SIDE: Side<{ serves: BrokerRequests; hears: None; asks: None; says: None }> = {
  serves: BROKER_TABLE,
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
