import { cookiesOf, said, type Visit } from "../face/visit.ts";
import { createBudget } from "../face/budget.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import type { ConsoleRefusal } from "../protocol/console-table.ts";

/** A browser that has come in. */
export interface Session {
  /** What is to be cut when it ends. */
  readonly uses: Set<() => void>;
}

/** What a browser keeps of its session: a cookie, which no script reads, and a half that only pages of this origin read. */
export interface Halves {
  readonly cookie: string;
  readonly half: string;
}

export interface Sessions {
  /** Whoever shows this code (its digest) within so many milliseconds comes in, once. */
  admit(code: string, ms: number): void;
  /** Takes a code, once, or says why not. */
  enter(code: string): { readonly kind: "in" } | { readonly kind: "refused"; readonly why: ConsoleRefusal };
  /** A new session, of whoever has this passkey; null: of whoever showed a code. */
  open(key: string | null): Halves;
  /** The session of a visit, or why it has none. */
  of(visit: Visit): Session | Extract<ConsoleRefusal, "no-session" | "half-session">;
  /** Ends the session of a visit. */
  leave(visit: Visit): void;
  /** Ends a session that was opened and is nobody's yet. */
  drop(halves: Halves): void;
  /** Ends the sessions of a passkey. */
  endOf(key: string): void;
  /** Ends what is over. To be called every so often. */
  sweep(): void;
}

export interface SessionPowers {
  readonly random: Random;
  readonly crypto: Pick<Crypto, "digest">;
  /** Milliseconds, for durations only. */
  now(): number;
}

/** How long a session lasts. */
export const SESSION_MS: number = 4 * 3_600_000;
/** `__Host-`: Secure, this host alone, the whole of it; browsers take localhost and what is below it as secure. */
export const COOKIE = "__Host-aios";
/** The header with the other half. */
export const HALF = "x-aios-half";
const SESSIONS_MOST = 32;
const CODES_MOST = 16;
/** Cookies of the name that are looked at: a digest each, before anything is counted. A browser has one. */
const COOKIES_MOST = 8;
/** Tries to come in within a minute, whoever makes them. */
const TRIES = { count: 20, ms: 60_000 };

/**
 * Who has come in. A session is two halves: a cookie alone, which a browser sends to every port of this host, opens nothing,
 * and neither does what a script could read. They are kept and compared as digests, so that no comparison of secrets takes a
 * time that tells.
 */
export function createSessions(powers: SessionPowers): Sessions {
  const tries = createBudget(TRIES, powers.now);
  const codes = new Map<string, number>();
  const sessions = new Map<
    string,
    Session & { readonly half: string; readonly ends: number; readonly key: string | null }
  >();
  const digest = (text: string): string => powers.crypto.digest(text);

  function end(id: string): void {
    const session = sessions.get(id);
    sessions.delete(id);
    for (const cut of session?.uses ?? []) cut();
  }
  /** Of several cookies of the name the one that is a session: another port of this host can set one of its own. */
  function idOf(visit: Visit): string | null {
    const now = powers.now();
    for (const value of cookiesOf(visit, COOKIE).slice(0, COOKIES_MOST)) {
      const id = digest(value);
      if ((sessions.get(id)?.ends ?? 0) > now) return id;
    }
    return null;
  }
  function sweep(): void {
    const now = powers.now();
    for (const [id, { ends }] of sessions) if (ends <= now) end(id);
    for (const [code, ends] of codes) if (ends <= now) codes.delete(code);
  }

  return {
    admit(code, ms) {
      sweep();
      makeRoom(codes, { most: CODES_MOST, drop: (oldest) => codes.delete(oldest) });
      codes.set(code, powers.now() + ms);
    },
    enter(code) {
      if (!tries.take()) return { kind: "refused", why: "too-many-tries" };
      const id = digest(code);
      const ends = codes.get(id) ?? 0;
      codes.delete(id); // used once, whatever comes of it
      return ends > powers.now() ? { kind: "in" } : { kind: "refused", why: "wrong-code" };
    },
    open(key) {
      sweep();
      makeRoom(sessions, { most: SESSIONS_MOST, drop: end });
      const halves = { cookie: powers.random.hex(32), half: powers.random.hex(32) };
      sessions.set(digest(halves.cookie), {
        key,
        half: digest(halves.half),
        uses: new Set(),
        ends: powers.now() + SESSION_MS,
      });
      return halves;
    },
    of(visit) {
      const id = idOf(visit);
      const session = id === null ? undefined : sessions.get(id);
      if (session === undefined) return "no-session";
      const [half, ...more] = said(visit, HALF);
      return half !== undefined && more.length === 0 && digest(half) === session.half ? session : "half-session";
    },
    leave(visit) {
      const id = idOf(visit);
      if (id !== null) end(id);
    },
    drop: ({ cookie }) => end(digest(cookie)),
    endOf(key) {
      for (const [id, session] of sessions) if (session.key === key) end(id);
    },
    sweep,
  };
}

/** Drops the oldest when there are as many as there may be. */
function makeRoom(
  map: ReadonlyMap<string, unknown>,
  { most, drop }: { readonly most: number; drop(id: string): void },
): void {
  const [oldest] = map.keys();
  if (map.size >= most && oldest !== undefined) drop(oldest);
}
