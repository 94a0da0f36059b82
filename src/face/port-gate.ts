import { parseJson } from "../kernel/json.ts";
import { decode, object, text, type Decoder } from "../protocol/decode.ts";
import { encodeUtf8, fromBase64, toHex } from "../protocol/bytes.ts";
import { entryText, type GatePort, type GateRefusal } from "../protocol/port-gate-table.ts";
import { CLIENT_KEY } from "../kernel/names.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { createBudget } from "./budget.ts";
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
  | { readonly kind: "own"; readonly what: "page" | "challenge" | "enter" }
  | { readonly kind: "refused"; readonly why: GateRefusal; readonly status: number };

export interface Gate {
  judge(visit: Visit): Verdict;
  /** A challenge to sign, or null when there were too many in this minute. */
  challenge(): string | null;
  /** Takes a signed challenge: the value of a new session's cookie, or why not. */
  enter(body: string): { readonly kind: "in"; readonly cookie: string; readonly key: string } | Refused;
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

const OWN: ReadonlyMap<string, "challenge" | "enter"> = new Map([
  ["POST /.aios/challenge", "challenge"],
  ["POST /.aios/enter", "enter"],
]);

interface Entry {
  readonly key: string;
  readonly challenge: string;
  readonly signature: string;
}
const ENTRY: Decoder<Entry> = object<Entry>({
  key: text({ max: 43, pattern: CLIENT_KEY }),
  challenge: text({ max: 64, pattern: /^[0-9a-f]{64}$/ }),
  signature: text({ max: 88, pattern: /^[A-Za-z0-9+/]{86}==$/ }),
});

/**
 * The check in front of one published port (docs/decisions/published-ports.md). Being on this machine counts for nothing:
 * host and origin must be exactly its own, and a request passes only with the session of a client that has signed a
 * challenge with a key that an owner paired. Limits count before anything is looked at, and exempt nobody.
 */
export function createGate(port: GatePort, powers: GatePowers): Gate {
  const authority = `${port.host}:${port.outside}`;
  const origin = `http://${authority}`;
  const cookieName = `aios-${port.name}`;
  const requests = createBudget(REQUESTS, powers.now);
  const tries = createBudget(TRIES, powers.now);
  let keys: ReadonlySet<string> = new Set(port.keys);
  const challenges = new Map<string, number>();
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
      if (astray !== null) return refuse(astray.why, astray.status);
      if (visit.upgrade && said(visit, "upgrade").join().toLowerCase() !== "websocket") return refuse("malformed", 400);
      // A worker of the page's would answer in the gate's place, its own page included, and outlive every session. One that
      // was planted while somebody else had the port ends by what is answered: a refusal would let it be.
      if (said(visit, "service-worker").length > 0 || said(visit, "sec-fetch-dest").includes("serviceworker"))
        return refuse("worker", 200);
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
      if (!tries.take()) return refuse("flood", 429);
      const parsed = parseJson(body, { maxLength: 1024, maxDepth: 2, maxValues: 8 });
      const entry = parsed.kind === "ok" ? decode(ENTRY, parsed.value) : null;
      if (entry === null || entry.kind !== "ok") return refuse("malformed", 400);
      const { key, challenge, signature } = entry.value;
      const expires = challenges.get(challenge);
      challenges.delete(challenge); // used once, whatever comes of it
      const raw = fromBase64(`${key.replaceAll("-", "+").replaceAll("_", "/")}=`);
      const signed = fromBase64(signature);
      const message = encodeUtf8(entryText(origin, challenge));
      const known = keys.has(key) && expires !== undefined && expires > powers.now();
      if (!known || raw === null || signed === null || !powers.crypto.verify(raw, message, signed))
        return refuse("wrong-key", 403);
      sweep();
      const [oldest] = sessions.keys();
      if (sessions.size >= SESSIONS_MOST && oldest !== undefined) end(oldest);
      const cookie = powers.random.hex(32);
      sessions.set(digest(cookie), { key, uses: new Set(), expires: powers.now() + SESSION_MS });
      return { kind: "in", cookie, key };
    },

    admit(admitted) {
      keys = new Set(admitted);
      for (const [id, { key }] of sessions) if (!keys.has(key)) end(id);
    },
    sweep,
  };
}

function refuse(why: GateRefusal, status: number): Refused {
  return { kind: "refused", why, status };
}
