import { CLIENT_KEY, PORT_NAME } from "../kernel/names.ts";
import { integer, list, names, object, text, type Decoder } from "./decode.ts";
import { agentName, empty, instanceId } from "./fields.ts";
import type { AnswerTable, BodyTable } from "./side.ts";

/** Where a published port is found for one opening: a label that nobody was found under before, then its own name. */
export const PORT_HOST: RegExp = /^[0-9a-f]{16}\.[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,30}\.localhost$/;

/** Addresses of a gate's own. Each is asked for with POST and JSON, the page of a link with GET too. */
export const GATE_DOORS = {
  challenge: "/.aios/challenge",
  /** A signed challenge, for a session. */
  enter: "/.aios/enter",
  /** A signed challenge, for a link. */
  link: "/.aios/link",
  /** What a link holds, for a session. */
  open: "/.aios/open",
} as const;

/** What a link holds: 256 random bits. */
export const LINK_TOKEN: RegExp = /^[0-9a-f]{64}$/;
/** How long a link lets a browser in, milliseconds. */
export const LINK_MS = 60_000;
/** What a gate asks a client to sign, beside its own origin. */
export const CHALLENGE: RegExp = /^[0-9a-f]{64}$/;

/** What a client signs to come in, or for a link: for this origin, this challenge and nothing else. */
export function entryText(origin: string, challenge: string): string {
  return `aios published port v1\n${origin}\n${challenge}`;
}

/** The address that lets one browser in. What it holds is in the fragment, which browsers send to nobody. */
export function linkAddress(origin: string, token: string): string {
  return `${origin}${GATE_DOORS.open}#${token}`;
}

/** A published port while it is open. */
export interface OpenPort {
  readonly instance: string;
  readonly agent: string;
  readonly port: string;
  readonly host: string;
  readonly inside: number;
  readonly outside: number;
  /** Who may come now. */
  readonly keys: readonly string[];
}

/** Requests of the command line about published ports. */
export interface PortCommands {
  /** Those that are open, with the hosts that they have for this opening. */
  "open-ports": { body: Record<string, never>; ok: { readonly ports: readonly OpenPort[] } };
}

export const portName: Decoder<string> = text({ max: 31, pattern: PORT_NAME, is: "a name of a port" });
export const clientKeys: Decoder<readonly string[]> = names(
  text({ max: 43, pattern: CLIENT_KEY, is: "a client's key" }),
  { max: 1024 },
);
export const portNumber: Decoder<number> = integer({ min: 1, max: 65_535 });
export const portHost: Decoder<string> = text({ max: 90, pattern: PORT_HOST, is: "a host of a published port" });

export const PORTS_TABLE: BodyTable<PortCommands> = { "open-ports": empty };

export const PORTS_ANSWERS: AnswerTable<PortCommands> = {
  "open-ports": object<PortCommands["open-ports"]["ok"]>({
    ports: list(
      object<OpenPort>({
        instance: instanceId,
        agent: agentName,
        port: portName,
        host: portHost,
        inside: portNumber,
        outside: portNumber,
        keys: clientKeys,
      }),
      { max: 10_000 },
    ),
  }),
};
