import { parseHttpUrl, type HttpUrl } from "../kernel/hosts.ts";
import { SECRET_NAME } from "../kernel/names.ts";
import { netPath } from "../kernel/net.ts";
import { list, nullable, object, text, type Decoder } from "./decode.ts";
import { count, moment } from "./fields.ts";

/**
 * What people are told of elsewhere. `stops`: an instance that became terminal or that the monitor froze, and an MCP server in quarantine. `owners`: what
 * became of an owner's key. `holds`: actions that wait for a human. `log`: the log is not the one that a witness has seen.
 */
export const ALERT_KINDS = ["stops", "owners", "holds", "log"] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** Somewhere that alerts go. */
export interface AlertReceiver {
  /** `json` is for programs; `ntfy` a text for people, with its title and link in headers (docs.ntfy.sh/publish). */
  readonly form: "json" | "ntfy";
  readonly address: HttpUrl;
  /** What it is told of; at least one. */
  readonly tell: ReadonlySet<AlertKind>;
  /** Name of the secret that goes along as its owner bound it, or null. */
  readonly secret: string | null;
}

/** Receivers of one home. */
const MOST_RECEIVERS = 4;

/**
 * Reads the file `alert-address` of a home: a line each receiver, `ADDRESS` or `ntfy ADDRESS`, then perhaps ` tell=KIND,…`,
 * without which it is told of everything, and ` secret=NAME`. Nothing else is understood, so that nobody waits for alerts that
 * were never meant to come.
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

/** A topic, perhaps below the path of a proxy. */
const TOPIC = /\/[-_A-Za-z0-9]{1,64}$/;

function readReceiver(line: readonly string[]): AlertReceiver | string {
  const form = line[0] === "ntfy" ? "ntfy" : "json";
  const [first = "", ...words] = form === "ntfy" ? line.slice(1) : line;
  const address = parseHttpUrl(first);
  if (address === null) return "begins with no address that is https to a host name, or http to this machine";
  if (form === "ntfy" && !(isPlain(address) && TOPIC.test(address.path)))
    return "has no topic at the end of its address";
  const values = new Map<string, string>();
  for (const word of words) {
    const [, name = "", value = ""] = /^(tell|secret)=(.*)$/.exec(word) ?? [];
    if (name === "" || values.has(name)) return "holds a word that is not understood, or one twice";
    values.set(name, value);
  }
  const kinds = values.get("tell")?.split(",") ?? ALERT_KINDS;
  const tell = new Set(kinds.filter(isAlertKind));
  if (tell.size !== kinds.length) return `tells of something else than ${ALERT_KINDS.join(", ")}, once each`;
  const secret = values.get("secret") ?? null;
  if (secret !== null && !SECRET_NAME.test(secret)) return "names no secret";
  // It is compared with the path that an owner bound.
  if (secret !== null && !isPlain(address)) return "has a secret, and an address whose path has more than one reading";
  return { form, address, tell, secret };
}

/** Whether every server reads the path alike, and nothing follows it. */
function isPlain({ path }: HttpUrl): boolean {
  return netPath(path) === path;
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
