import { CONSOLE_ENTRIES, CONSOLE_HOST } from "./console-entry.ts";
import { integer, jsonObject, nullable, object, oneOf, text } from "./decode.ts";
import { CLI_ANSWERS, CLI_EVENTS, CLI_TABLE } from "./cli-table.ts";
import { count, digest, empty, ownerKey } from "./fields.ts";
import { MAX_CLI_FRAME } from "./frame.ts";
import { PEERS, REFUSED } from "./port-gate-table.ts";
import { CONSOLE_TERMS } from "./proposed-grants.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { CliEvents, CliRequests } from "./requests.ts";
import { PLAIN_PURPOSES, type PlainPurpose } from "./statement.ts";
import type { AnswerTable, BodyTable, EventTable, Side } from "./side.ts";

/** Why the console turned a visitor away. Closed; docs/codes.md has the words. */
export const CONSOLE_REFUSALS = [
  "flood",
  "crowded",
  "too-many-tries",
  "malformed",
  "host",
  "origin",
  "cross-site",
  "no-session",
  "half-session",
  "wrong-code",
] as const;
export type ConsoleRefusal = (typeof CONSOLE_REFUSALS)[number];

/**
 * What the console may ask in a visitor's name, by the names of the command line's requests. It looks, stops and holds,
 * which need no authority, has the monitor propose grants, which give nothing, and hands in what owners signed.
 */
export const CONSOLE_LOOKS = [
  "hello",
  "ps",
  "held",
  "held-show",
  "grants",
  "grant-show",
  "policy-show",
  "policy-check",
  "policy-explain",
  "policy-simulate",
  "log-show",
  "log-newest",
  "log-disclose",
  "log-prove",
  "log-grown",
  "checkpoint",
  "owners",
  "away",
  "memory-planes",
  "memory-proposals",
  "memory-entries",
  "hold",
  "freeze",
  "kill",
  "prepare",
  "submit",
  "propose-grant",
  "proposed-grants",
  "proposed-grant",
  "narrow-grant",
] as const;
export type ConsoleLook = (typeof CONSOLE_LOOKS)[number];

/** What it may ask for somebody who has not come in: they offer a passkey, or sign in with one. None of it adds authority. */
export const CONSOLE_DOORS = ["passkey-party", "sign-in-open", "sign-in", "enrolment-open", "enrolment-offer"] as const;
export type ConsoleDoor = (typeof CONSOLE_DOORS)[number];

/** Requests of the command line that the console may make. */
export const CONSOLE_TAKEN: readonly ConsoleTaken[] = [...CONSOLE_LOOKS, ...CONSOLE_DOORS, "watch"];
export type ConsoleTaken = ConsoleLook | ConsoleDoor | "watch";

/** Requests that the console may send to the monitor. */
export interface ConsoleRequests extends Omit<Pick<CliRequests, ConsoleTaken>, "prepare"> {
  /** Draws a statement up, for one of these purposes only. */
  prepare: {
    body: { readonly purpose: PlainPurpose; readonly document: JsonObject };
    ok: CliRequests["prepare"]["ok"];
  };
  /** Its first word: digest of the pages that it will serve. The answer says under which address. */
  ready: {
    body: { readonly pages: string };
    ok: { readonly host: string; readonly port: number };
  };
  /** A visitor has come in, or is about to: written down before the visitor is let in. */
  entered: {
    body: {
      readonly by: (typeof CONSOLE_ENTRIES)[number];
      /** Id of the key of the owner who comes in by a passkey; refused when it is no owner's any more. */
      readonly key: string | null;
    };
    ok: Record<string, never>;
  };
  /** What came since the last such request, at most once a second. */
  visited: {
    body: {
      readonly connections: number;
      readonly requests: number;
      readonly refused: { readonly [why: string]: number };
      /** Peers of refused requests as address and port, the first few. */
      readonly peers: readonly string[];
    };
    ok: Record<string, never>;
  };
}

/** Events from the monitor to the console. */
export interface ConsoleEvents extends CliEvents {
  /** Whoever shows a code with this digest within so many milliseconds comes in, once. */
  admit: { readonly code: string; readonly ms: number };
  /** The sessions of this owner's passkey end. */
  left: { readonly key: string };
}

/** The same rows of a table under the same names. */
function pick<T extends object, K extends keyof T>(table: T, keys: readonly K[]): Pick<T, K> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made of exactly these keys
  return Object.fromEntries(keys.map((key) => [key, table[key]])) as Pick<T, K>;
}

const CONSOLE_TABLE: BodyTable<ConsoleRequests> = {
  ready: object<ConsoleRequests["ready"]["body"]>({ pages: digest }),
  entered: object<ConsoleRequests["entered"]["body"]>({ by: oneOf(CONSOLE_ENTRIES), key: nullable(ownerKey) }),
  visited: object<ConsoleRequests["visited"]["body"]>({
    connections: count,
    requests: count,
    refused: REFUSED,
    peers: PEERS,
  }),
  ...pick(CLI_TABLE, CONSOLE_TAKEN),
  "propose-grant": CONSOLE_TERMS,
  prepare: object<ConsoleRequests["prepare"]["body"]>({ purpose: oneOf(PLAIN_PURPOSES), document: jsonObject() }),
};

const CONSOLE_ANSWERS: AnswerTable<ConsoleRequests> = {
  ready: object<ConsoleRequests["ready"]["ok"]>({
    host: text({ max: 64, pattern: CONSOLE_HOST }),
    port: integer({ min: 1, max: 65_535 }),
  }),
  entered: empty,
  visited: empty,
  ...pick(CLI_ANSWERS, CONSOLE_TAKEN),
};

const CONSOLE_EVENTS: EventTable<ConsoleEvents> = {
  ...CLI_EVENTS,
  admit: object<ConsoleEvents["admit"]>({ code: digest, ms: count }),
  left: object<ConsoleEvents["left"]>({ key: ownerKey }),
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of the console's channel. */
export const MONITOR_CONSOLE: Side<{ serves: ConsoleRequests; hears: None; asks: None; says: ConsoleEvents }> = {
  serves: CONSOLE_TABLE,
  hears: {},
  asks: {},
  says: CONSOLE_EVENTS,
  maxFrame: MAX_CLI_FRAME,
};

/** The console's end. */
export const CONSOLE_SIDE: Side<{ serves: None; hears: ConsoleEvents; asks: ConsoleRequests; says: None }> = {
  serves: {},
  hears: CONSOLE_EVENTS,
  asks: CONSOLE_ANSWERS,
  says: {},
  maxFrame: MAX_CLI_FRAME,
};
