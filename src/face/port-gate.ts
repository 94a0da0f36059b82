import { parseJson } from "../kernel/json.ts";
import { decode, object, text, type Decoder } from "../protocol/decode.ts";
import { encodeUtf8, fromBase64, toHex } from "../protocol/bytes.ts";
import { CHALLENGE, entryText, GATE_DOORS, LINK_TOKEN } from "../protocol/port-entry.ts";
import type { GatePort, GateRefusal } from "../protocol/port-gate-table.ts";
import { CLIENT_KEY } from "../kernel/names.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { createBudget } from "./budget.ts";
import { createLinks } from "./port-links.ts";
import { cookiesOf, findAstray, isSafe, said, type Visit } from "./visit.ts";

/** A visit of a paired client. */
export interface Session {
  readonly key: string;
  /** What is to be cut when it ends. */
  readonly uses: Set<() => void>;
}

export type Verdict =
  | { readonly kind: "pass"; readonly session: Session }
  /** The gate's own pages and answers, which no program inside sees. */
  | { readonly kind: "own"; readonly what: OwnAnswer }
  | { readonly kind: "refused"; readonly why: GateRefusal; readonly status: number };

/** `page`: what a browser gets that has no session; `door`: the page of a link; the others as `GATE_DOORS`. */
export type OwnAnswer = "page" | "door" | keyof typeof GATE_DOORS;

/** A session was begun: the value of its cookie, and whose it is; or why not. */
export type Entered = { readonly kind: "in"; readonly cookie: string; readonly key: string } | Refused;

export interface Gate {
  judge(visit: Visit): Verdict;
  /** A challenge to sign, or null when there were too many in this minute. */
  challenge(): string | null;
  /** Takes a signed challenge, for a session. */
  enter(body: string): Entered;
  /** Takes a signed challenge, for what a link holds: whoever shows it comes in, once, within a minute. */
  link(body: string): { readonly kind: "link"; readonly token: string } | Refused;
  /** Takes what a link holds, for a session of whoever asked for the link. */
  open(body: string): Entered;
  /** Who may come from now on; sessions of others end. */
  admit(keys: readonly string[]): void;
  /** Ends what is over. To be called every so often. */
  sweep(): void;
  readonly origin: string;
  readonly cookieName: string;
}
type Refused = Extract<Verdict, { readonly kind: "refused" }>;

export interface GatePowers {
  readonly random: Random;
  readonly crypto: Pick<Crypto, "sha256" | "verify">;
  /** Milliseconds, for durations only. */
  now(): number;
}

/** How long a session and a challenge last. */
export const SESSION_MS: number = 12 * 3_600_000;
const CHALLENGE_MS = 60_000;
const SESSIONS_MOST = 64;
/** Requests in ten seconds, and tries to come in within a minute, whoever makes them. */
const REQUESTS = { count: 2000, ms: 10_000 };
const TRIES = { count: 20, ms: 60_000 };

const OWN: ReadonlyMap<string, OwnAnswer> = new Map<string, OwnAnswer>([
  [`POST ${GATE_DOORS.challenge}`, "challenge"],
  [`POST ${GATE_DOORS.enter}`, "enter"],
  [`POST ${GATE_DOORS.link}`, "link"],
  [`POST ${GATE_DOORS.open}`, "open"],
  [`GET ${GATE_DOORS.open}`, "door"],
]);

interface Entry {
  readonly key: string;
  readonly challenge: string;
  readonly signature: string;
}
const ENTRY: Decoder<Entry> = object<Entry>({
  key: text({ max: 43, pattern: CLIENT_KEY }),
  challenge: text({ max: 64, pattern: CHALLENGE }),
  signature: text({ max: 88, pattern: /^[A-Za-z0-9+/]{86}==$/ }),
});
const LINK: Decoder<{ readonly token: string }> = object<{ readonly token: string }>({
  token: text({ max: 64, pattern: LINK_TOKEN }),
});

/**
 * The check in front of one published port (docs/decisions/published-ports.md). Being on this machine counts for nothing:
 * host and origin must be exactly its own, and a request passes only with the session of a client that has signed a
 * challenge with a key that an owner paired, or of a browser that was handed a link by one. Limits count before anything is
 * looked at, and exempt nobody.
 */
export function createGate(port: GatePort, powers: GatePowers): Gate {
  const authority = `${port.host}:${port.outside}`;
  const origin = `http://${authority}`;
  const cookieName = `aios-${port.name}`;
  const requests = createBudget(REQUESTS, powers.now);
  const tries = createBudget(TRIES, powers.now);
  let keys: ReadonlySet<string> = new Set(port.keys);
  const challenges = new Map<string, number>();
  const links = createLinks(powers);
  /** By the digest of the cookie's value, so that no comparison of secrets takes a time that tells. */
  const sessions = new Map<string, Session & { readonly expires: number }>();
  const digest = (value: string): string => toHex(powers.crypto.sha256(value));

  function end(id: string): void {
    const session = sessions.get(id);
    sessions.delete(id);
    for (const cut of session?.uses ?? []) cut();
  }

  function sweep(): void {
    const now = powers.now();
    for (const [id, { expires }] of sessions) if (expires <= now) end(id);
    for (const [challenge, expires] of challenges) if (expires <= now) challenges.delete(challenge);
    links.sweep();
  }

  /** The paired key that signed a challenge of ours, or why there is none. */
  function prove(body: string): { readonly kind: "proven"; readonly key: string } | Refused {
    if (!tries.take()) return refuse("flood", 429);
    const entry = read(ENTRY, body);
    if (entry === null) return refuse("malformed", 400);
    const { key, challenge, signature } = entry;
    const expires = challenges.get(challenge);
    challenges.delete(challenge); // used once, whatever comes of it
    const raw = fromBase64(`${key.replaceAll("-", "+").replaceAll("_", "/")}=`);
    const signed = fromBase64(signature);
    const message = encodeUtf8(entryText(origin, challenge));
    const known = keys.has(key) && expires !== undefined && expires > powers.now();
    if (!known || raw === null || signed === null || !powers.crypto.verify(raw, message, signed))
      return refuse("wrong-key", 403);
    return { kind: "proven", key };
  }

  function begin(key: string): Entered {
    sweep();
    const [oldest] = sessions.keys();
    if (sessions.size >= SESSIONS_MOST && oldest !== undefined) end(oldest);
    const cookie = powers.random.hex(32);
    sessions.set(digest(cookie), { key, uses: new Set(), expires: powers.now() + SESSION_MS });
    return { kind: "in", cookie, key };
  }

  function sessionOf(visit: Visit): Session | null {
    const now = powers.now();
    for (const value of cookiesOf(visit, cookieName)) {
      const session = sessions.get(digest(value));
      if (session !== undefined && session.expires > now && keys.has(session.key)) return session;
    }
    return null;
  }

  return {
    origin,
    cookieName,
    judge(visit) {
      if (!requests.take()) return refuse("flood", 429);
      const astray = findAstray(visit, authority);
      // A link may be followed from elsewhere: its page is ours, and shows nothing of the program inside.
      if (astray !== null && !(astray.why === "cross-site" && opensLink(visit)))
        return refuse(astray.why, astray.status);
      if (visit.upgrade && said(visit, "upgrade").join().toLowerCase() !== "websocket") return refuse("malformed", 400);
      // A worker of the page's would answer in the gate's place, its own page included, and outlive every session.
      if (said(visit, "service-worker").length > 0 || said(visit, "sec-fetch-dest").includes("serviceworker"))
        return refuse("worker", 403);
      if (visit.target.startsWith("/.aios/")) {
        const own = visit.upgrade ? undefined : OWN.get(`${visit.method} ${visit.target}`);
        return own === undefined ? refuse("malformed", 404) : { kind: "own", what: own };
      }
      const session = sessionOf(visit);
      if (session !== null) return { kind: "pass", session };
      return isSafe(visit) && visit.method === "GET" && said(visit, "accept").join().includes("text/html")
        ? { kind: "own", what: "page" }
        : refuse("unpaired", 401);
    },

    challenge() {
      if (!tries.take()) return null;
      sweep();
      const challenge = powers.random.hex(32);
      challenges.set(challenge, powers.now() + CHALLENGE_MS);
      return challenge;
    },

    enter(body) {
      const proven = prove(body);
      return proven.kind === "proven" ? begin(proven.key) : proven;
    },

    link(body) {
      const proven = prove(body);
      return proven.kind === "proven" ? { kind: "link", token: links.make(proven.key) } : proven;
    },

    open(body) {
      if (!tries.take()) return refuse("flood", 429);
      const shown = read(LINK, body);
      if (shown === null) return refuse("malformed", 400);
      const key = links.take(shown.token);
      return key !== null && keys.has(key) ? begin(key) : refuse("wrong-link", 403);
    },

    admit(admitted) {
      keys = new Set(admitted);
      for (const [id, { key }] of sessions) if (!keys.has(key)) end(id);
    },
    sweep,
  };
}

/** Whether a browser opens the page of a link in a tab. */
function opensLink(visit: Visit): boolean {
  return (
    visit.method === "GET" &&
    visit.target === GATE_DOORS.open &&
    said(visit, "sec-fetch-mode").join() === "navigate" &&
    said(visit, "sec-fetch-dest").join() === "document"
  );
}

function read<Shape>(shape: Decoder<Shape>, body: string): Shape | null {
  const parsed = parseJson(body, { maxLength: 1024, maxDepth: 2, maxValues: 8 });
  const decoded = parsed.kind === "ok" ? decode(shape, parsed.value) : null;
  return decoded?.kind === "ok" ? decoded.value : null;
}

function refuse(why: GateRefusal, status: number): Refused {
  return { kind: "refused", why, status };
}
