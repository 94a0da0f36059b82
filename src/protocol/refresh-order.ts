import { decodeLoginTerms, type LoginTerms } from "../kernel/secret-document.ts";
import { integer, literal, nullable, object, oneOf, union, type Decoder } from "./decode.ts";
import { MAX_FRAME } from "./frame.ts";
import { TOKEN, type Renewed } from "./login.ts";
import type { AnswerTable, BodyTable, Side } from "./side.ts";

/**
 * Why a login was not renewed. `rejected`: the endpoint takes the refresh token no more. `unavailable`: it answered that it
 * cannot now. `untrusted`: its name leads to an address of another kind, or its certificate is not its own. `lost`: nobody
 * asked, or the new tokens could not be kept.
 */
export const REFRESH_FAULTS = [
  "rejected",
  "unavailable",
  "unreachable",
  "untrusted",
  "redirected",
  "malformed",
  "lost",
] as const;
export type RefreshFault = (typeof REFRESH_FAULTS)[number];

/** What came of one refresh. */
export type Refreshed =
  ({ readonly kind: "renewed" } & Renewed) | { readonly kind: "failed"; readonly fault: RefreshFault };

/** The one request that the monitor sends to a refresher: it asks the endpoint of these terms, once, and ends. */
export interface RefresherRequests {
  refresh: { body: { readonly login: LoginTerms; readonly token: string }; ok: Refreshed };
}

const LOGIN: Decoder<LoginTerms> = (value, refusal) => {
  const decoded = decodeLoginTerms(value);
  return decoded.kind === "ok" ? decoded.value : refusal.because(`is no login: ${decoded.message}`);
};
/** Of a token that does not fit nothing is said. */
const token: Decoder<string> = (value, refusal) =>
  typeof value === "string" && TOKEN.test(value) ? value : refusal.because("expected a token");

const TABLE: BodyTable<RefresherRequests> = {
  refresh: object<RefresherRequests["refresh"]["body"]>({ login: LOGIN, token }),
};
/** A refresher reads what a server sends, so its words are checked like a stranger's. */
const ANSWERS: AnswerTable<RefresherRequests> = {
  refresh: union<Refreshed, "kind">("kind", {
    renewed: object<Extract<Refreshed, { kind: "renewed" }>>({
      kind: literal("renewed"),
      access: token,
      refresh: nullable(token),
      seconds: nullable(integer({ min: 1, max: 31_536_000 })),
    }),
    failed: object<Extract<Refreshed, { kind: "failed" }>>({ kind: literal("failed"), fault: oneOf(REFRESH_FAULTS) }),
  }),
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of a refresher's channel. */
export const MONITOR_REFRESHER: Side<{ serves: None; hears: None; asks: RefresherRequests; says: None }> = {
  serves: {},
  hears: {},
  asks: ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};

/** A refresher's end. */
export const REFRESHER_SIDE: Side<{ serves: RefresherRequests; hears: None; asks: None; says: None }> = {
  serves: TABLE,
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
