import { CLIENT_KEY } from "../kernel/names.ts";
import { integer, list, object, record, text, type Decoder } from "./decode.ts";
import { agentName, count, empty } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import { clientKeys as keys, portHost, portName as name, portNumber } from "./port-entry.ts";
import type { AnswerTable, BodyTable, EventTable, Side } from "./side.ts";

/** Why a gate turned a visitor away. Closed; docs/codes.md has the words. */
export const GATE_REFUSALS = [
  "flood",
  "malformed",
  "host",
  "origin",
  "cross-site",
  "unpaired",
  "wrong-key",
  "wrong-link",
  "busy",
  "unreachable",
  "unreadable",
  "foreign-redirect",
  "worker",
] as const;
export type GateRefusal = (typeof GATE_REFUSALS)[number];

/** A published port as its gate serves it. */
export interface GatePort {
  readonly name: string;
  /** `HEX16.NAME.AGENT.localhost`, drawn for this opening: the one host that is answered, with the port outside. */
  readonly host: string;
  readonly agent: string;
  readonly inside: number;
  readonly outside: number;
  /** So many of the gate's listeners are its, one for each loopback address of the machine. */
  readonly listeners: number;
  /** Who may come. */
  readonly keys: readonly string[];
}

/** Requests that a gate may send to the monitor. None of them changes anything but the log. */
export interface GateRequests {
  /** Its first word; the answer says what it serves, in the order of its listeners. */
  ready: { body: Record<string, never>; ok: { readonly ports: readonly GatePort[] } };
  /** A paired client has come in. */
  entered: { body: { readonly port: string; readonly key: string }; ok: Record<string, never> };
  /** What came since the last such request, at most once a second. */
  visited: {
    body: {
      readonly port: string;
      readonly connections: number;
      readonly requests: number;
      readonly refused: { readonly [why: string]: number };
      /** Peers of refused requests as address and port, the first few. */
      readonly peers: readonly string[];
    };
    ok: Record<string, never>;
  };
}

/** Events from the monitor to a gate. */
export interface GateEvents {
  /** Who may come from now on; a port that is not listed is closed, and the sessions of a key that is not are ended. */
  admit: { readonly ports: readonly { readonly name: string; readonly keys: readonly string[] }[] };
}

const key = text({ max: 43, pattern: CLIENT_KEY, is: "a client's key" });
export const REFUSED: Decoder<{ readonly [why: string]: number }> = record(count, { key: /^[a-z-]{1,32}$/, max: 16 });
export const PEERS: Decoder<readonly string[]> = list(text({ max: 64, pattern: /^[0-9a-f.:]+$/ }), { max: 16 });
/** How often a gate says what came. */
export const VISITS_MS = 1000;
export const PEERS_MOST = 16;

const PORT: Decoder<GatePort> = object<GatePort>({
  name,
  host: portHost,
  agent: agentName,
  inside: portNumber,
  outside: portNumber,
  listeners: integer({ min: 1, max: 2 }),
  keys,
});

const GATE_TABLE: BodyTable<GateRequests> = {
  ready: empty,
  entered: object<GateRequests["entered"]["body"]>({ port: name, key }),
  visited: object<GateRequests["visited"]["body"]>({
    port: name,
    connections: count,
    requests: count,
    refused: REFUSED,
    peers: PEERS,
  }),
};

const GATE_ANSWERS: AnswerTable<GateRequests> = {
  ready: object<GateRequests["ready"]["ok"]>({ ports: list(PORT, { max: 16 }) }),
  entered: empty,
  visited: empty,
};

const GATE_EVENTS: EventTable<GateEvents> = {
  admit: object<GateEvents["admit"]>({
    ports: list(object<GateEvents["admit"]["ports"][number]>({ name, keys }), { max: 16 }),
  }),
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of a gate's channel. */
export const MONITOR_GATE: Side<{ serves: GateRequests; hears: None; asks: None; says: GateEvents }> = {
  serves: GATE_TABLE,
  hears: {},
  asks: {},
  says: GATE_EVENTS,
  maxFrame: MAX_FRAME,
};

/** A gate's end. */
export const GATE_SIDE: Side<{ serves: None; hears: GateEvents; asks: GateRequests; says: None }> = {
  serves: {},
  hears: GATE_EVENTS,
  asks: GATE_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};
