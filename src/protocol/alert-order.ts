import { integer, literal, object, oneOf, record, text, union, type Decoder } from "./decode.ts";
import { MAX_FRAME } from "./frame.ts";
import type { NetFault, Reach } from "./net-order.ts";
import type { AnswerTable, BodyTable, Side } from "./side.ts";

/** One request: a `POST` of a text. */
export interface AlertOrder {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The class of addresses that the host may lead to. */
  readonly reach: Reach;
  /** Besides those of every request: names in lower case, values of printable ASCII. A credential may be among them. */
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** Why a request came to no answer. */
export type AlertFault = Extract<NetFault, "name-unknown" | "address-refused" | "unreachable" | "tls-refused">;
export const ALERT_FAULTS: readonly AlertFault[] = ["name-unknown", "address-refused", "unreachable", "tls-refused"];

/** What came of it; nothing of the answer is read but its status. */
export type AlertSent =
  { readonly kind: "answered"; readonly status: number } | { readonly kind: "failed"; readonly fault: AlertFault };

/** The one request that the monitor sends to an alerter: it sends one alert, and ends. */
export interface AlerterRequests {
  send: { body: AlertOrder; ok: AlertSent };
}

/** Of a value that does not fit nothing is said: it may hold a token. */
const headerValue: Decoder<string> = (value, refusal) =>
  typeof value === "string" && /^[\x20-\x7e]{1,16384}$/.test(value)
    ? value
    : refusal.because("expected a header's value");

const TABLE: BodyTable<AlerterRequests> = {
  send: object<AlertOrder>({
    scheme: oneOf(["http", "https"]),
    host: text({ max: 256, pattern: /^[\x21-\x7e]+$/ }),
    port: integer({ min: 1, max: 65_535 }),
    path: text({ max: 2048, pattern: /^\/[\x21-\x7e]*$/ }),
    reach: oneOf(["loopback", "public"]),
    headers: record(headerValue, { key: /^[a-z0-9][a-z0-9-]{0,63}$/, max: 8 }),
    body: text({ max: 16_384 }),
  }),
};
const ANSWERS: AnswerTable<AlerterRequests> = {
  send: union<AlertSent, "kind">("kind", {
    answered: object<Extract<AlertSent, { kind: "answered" }>>({
      kind: literal("answered"),
      status: integer({ min: 100, max: 999 }),
    }),
    failed: object<Extract<AlertSent, { kind: "failed" }>>({ kind: literal("failed"), fault: oneOf(ALERT_FAULTS) }),
  }),
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of an alerter's channel. */
export const MONITOR_ALERTER: Side<{ serves: None; hears: None; asks: AlerterRequests; says: None }> = {
  serves: {},
  hears: {},
  asks: ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};

/** An alerter's end. */
export const ALERTER_SIDE: Side<{ serves: AlerterRequests; hears: None; asks: None; says: None }> = {
  serves: TABLE,
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
