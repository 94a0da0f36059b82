import { parseHttpUrl, type HttpUrl } from "../kernel/hosts.ts";
import { list, nullable, object, text, type Decoder } from "./decode.ts";
import { count, moment } from "./fields.ts";

/**
 * What people are told of elsewhere. `stops`: an instance that became terminal or that the monitor froze. `owners`: what
 * became of an owner's key. `holds`: actions that wait for a human.
 */
export const ALERT_KINDS = ["stops", "owners", "holds"] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** Somewhere that alerts go. */
export interface AlertReceiver {
  readonly address: HttpUrl;
  /** What it is told of; at least one. */
  readonly tell: ReadonlySet<AlertKind>;
}

/** Receivers of one home. */
const MOST_RECEIVERS = 4;

/**
 * Reads the file `alert-address` of a home: a line each receiver, `ADDRESS`, then perhaps ` tell=KIND,…`; without that
 * word it is told of everything. Nothing else is understood, so that nobody waits for alerts that were never meant to come.
 */
export function readAlertSetting(
  setting: string,
):
  | { readonly kind: "ok"; readonly value: readonly AlertReceiver[] }
  | { readonly kind: "refused"; readonly why: string } {
  const lines = setting.split("\n");
  if (lines.length > MOST_RECEIVERS) return { kind: "refused", why: `it has more than ${MOST_RECEIVERS} lines` };
  const value: AlertReceiver[] = [];
  for (const [at, line] of lines.entries()) {
    const receiver = readReceiver(line.split(" "));
    if (typeof receiver === "string") return { kind: "refused", why: `line ${at + 1} ${receiver}` };
    value.push(receiver);
  }
  return { kind: "ok", value };
}

function readReceiver([first = "", ...words]: readonly string[]): AlertReceiver | string {
  const address = parseHttpUrl(first);
  if (address === null) return "begins with no address that is https to a host name, or http to this machine";
  let tell: ReadonlySet<AlertKind> | null = null;
  for (const word of words) {
    const kinds = /^tell=(.*)$/.exec(word)?.[1]?.split(",");
    if (kinds === undefined || tell !== null) return "holds a word that is not understood, or one twice";
    const known = kinds.filter(isAlertKind);
    tell = new Set(known);
    if (tell.size !== kinds.length) return `tells of something else than ${ALERT_KINDS.join(", ")}, once each`;
  }
  return { address, tell: tell ?? new Set(ALERT_KINDS) };
}

function isAlertKind(word: string): word is AlertKind {
  return ALERT_KINDS.some((kind) => kind === word);
}

/** How one receiver has fared since the monitor started. */
export interface AlertStanding {
  /** Its host; the path of such an address is often a secret. */
  readonly to: string;
  readonly told: number;
  readonly failed: number;
  /** Alerts left out because too many waited. */
  readonly left: number;
  /** The last failure; null when none came after the last success. */
  readonly fault: { readonly at: number; readonly why: string } | null;
}

export const ALERT_STANDINGS: Decoder<readonly AlertStanding[]> = list(
  object<AlertStanding>({
    to: text({ max: 256 }),
    told: count,
    failed: count,
    left: count,
    fault: nullable(object<NonNullable<AlertStanding["fault"]>>({ at: moment, why: text({ max: 256 }) })),
  }),
  { max: MOST_RECEIVERS },
);
