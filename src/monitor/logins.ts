import type { LoginTerms } from "../kernel/secret-document.ts";
import type { Random } from "../platform/powers.ts";
import { readTokens, tokensText, type Tokens } from "../protocol/login.ts";
import type { Refreshed, RefreshFault } from "../protocol/refresh-order.ts";
import type { Journal } from "./journal.ts";
import type { SecretState } from "./state.ts";
import type { Vault } from "./vault.ts";

/** An access token that ends within this is renewed before it is used. */
const MARGIN_MS = 5 * 60_000;
/** After a failure nobody asks again for this long; an endpoint that took the refresh token no more is asked rarely. */
const PAUSE_MS = 30_000;
const REJECTED_PAUSE_MS = 10 * 60_000;
/** A destination that says 401 is believed once in this time. */
const REFUSED_MS = 5 * 60_000;

/** What an injector is armed with: the text that it injects, what it takes out of answers besides, and which value that is. */
export interface Armable {
  readonly commitment: string;
  readonly value: string;
  readonly others: readonly string[];
}

/** A login that is over: nothing was sent. Its words are for people, and hold no token. */
export class LoginExpired extends Error {
  readonly code = "login-expired";
}

/** Values as they are injected; those of logins are renewed in time (SECRETS-OUTSIDE: here, never inside). */
export interface Logins {
  /** What is injected for a secret now; null when it is not set or does not open. */
  valueOf(secret: string): Promise<Armable | null>;
  /**
   * Before a request that carries a secret: a login that ends soon, or that its destination refused, is renewed, once for all
   * who wait for it. Resolves with the commitment to what is to be injected. Rejects with LoginExpired when the login is over
   * and cannot be renewed.
   */
  ready(secret: string): Promise<string | null>;
  /** After it: the status that its destination answered with, for the value of that commitment. */
  answered(secret: string, answer: { readonly commitment: string | null; readonly status: number | null }): void;
}

export interface LoginsPorts {
  readonly journal: Journal;
  readonly vault: Pick<Vault, "open" | "seal" | "destroy">;
  readonly random: Random;
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** Asks the endpoint of signed terms, once, from a sandbox of its own. Never rejects. */
  ask(login: LoginTerms, token: string): Promise<Refreshed>;
}

/** What is known of one login besides the log; lost with the monitor, which then asks once more. */
interface Course {
  running: Promise<RefreshFault | null> | null;
  /** The value that its destination refused, until it is renewed. */
  refused: string | null;
  /** The value that took the place of one that was refused, until a destination takes it. */
  unproven: string | null;
  refusedAt: number;
  failed: { readonly commitment: string; readonly fault: RefreshFault; readonly until: number } | null;
}

/** Makes what keeps logins alive. */
export function createLogins(ports: LoginsPorts): Logins {
  const { journal, vault, now } = ports;
  const { secrets } = journal.state;
  const courses = new Map<string, Course>();

  function courseOf(secret: string): Course {
    const known = courses.get(secret);
    if (known !== undefined) return known;
    const made: Course = { running: null, refused: null, unproven: null, refusedAt: -Infinity, failed: null };
    courses.set(secret, made);
    return made;
  }

  async function tokensOf({ commitment }: SecretState): Promise<Tokens | null> {
    const text = await vault.open(commitment);
    return text === null ? null : readTokens(text);
  }

  /** One refresh from question to record; the fault that is recorded, or null. */
  async function refresh(known: SecretState, login: LoginTerms, tokens: Tokens): Promise<RefreshFault | null> {
    const { secret, commitment: before } = known;
    const answer = await ports.ask(login, tokens.refresh);
    const fault = answer.kind === "failed" ? answer.fault : await take(answer);
    if (fault !== null) {
      const until = now() + (fault === "rejected" ? REJECTED_PAUSE_MS : PAUSE_MS);
      courseOf(secret).failed = { commitment: before, fault, until };
      await journal.write({ kind: "secret-not-refreshed", secret, fault });
    }
    return fault;

    /** The new tokens are durable before anybody uses them: a refresh token that was used up is worth nothing. */
    async function take({ access, refresh: next, seconds }: Extract<Refreshed, { kind: "renewed" }>) {
      const expires = seconds === null ? null : now() + seconds * 1000;
      const value = tokensText({ access, refresh: next ?? tokens.refresh, expires });
      if (value === null) return "malformed";
      const commitment = await vault.seal({ salt: ports.random.hex(32), value });
      if (commitment === null) return "malformed";
      await journal.write({ kind: "secret-refreshed", secret, before, commitment, expires });
      // An owner may have rotated or removed it meanwhile; then the state has kept what they said.
      const kept = secrets.get(secret)?.commitment === commitment;
      await vault.destroy(kept ? before : commitment);
      const course = courseOf(secret);
      if (kept && course.refused === before) course.unproven = commitment;
      course.refused = null;
      return null;
    }
  }

  /** Everybody who needs the same login waits for the same refresh. */
  function renew(known: SecretState, login: LoginTerms, tokens: Tokens): Promise<RefreshFault | null> {
    const course = courseOf(known.secret);
    const { failed } = course;
    if (failed !== null && failed.commitment === known.commitment && now() < failed.until)
      return Promise.resolve(failed.fault);
    course.running ??= refresh(known, login, tokens)
      // What cannot be sealed or recorded is not used.
      .catch((): RefreshFault => "lost")
      .finally(() => (course.running = null));
    return course.running;
  }

  return Object.freeze<Logins>({
    async valueOf(secret) {
      const known = secrets.get(secret);
      if (known === undefined) return null;
      const { commitment, login } = known;
      if (login !== null) {
        const tokens = await tokensOf(known);
        return tokens === null ? null : { commitment, value: tokens.access, others: [tokens.refresh] };
      }
      const value = await vault.open(commitment);
      return value === null ? null : { commitment, value, others: [] };
    },

    async ready(secret) {
      const known = secrets.get(secret);
      if (known === undefined || known.login === null) return known?.commitment ?? null;
      const { running } = courseOf(secret);
      if (running !== null) await running;
      const current = secrets.get(secret) ?? known;
      const tokens = await tokensOf(current);
      if (tokens === null || current.login === null) return current.commitment;
      const left = tokens.expires === null ? Infinity : tokens.expires - now();
      const refused = courseOf(secret).refused === current.commitment;
      if (left > MARGIN_MS && !refused) return current.commitment;
      const fault = await renew(current, current.login, tokens);
      if (fault === null || (left > 0 && !refused)) return secrets.get(secret)?.commitment ?? null;
      throw new LoginExpired(
        `the login "${secret}" is over and was not renewed (${fault}); its owner logs in again and runs: aios secrets rotate ${secret} --oauth --file FILE`,
      );
    },

    answered(secret, { commitment, status }) {
      const known = secrets.get(secret);
      if (status === null || known === undefined || known.login === null || known.commitment !== commitment) return;
      const course = courseOf(secret);
      if (status !== 401) {
        if (course.unproven === commitment) course.unproven = null;
        return;
      }
      // One that refuses whatever it gets must not use up refreshes.
      if (course.unproven === commitment || now() - course.refusedAt < REFUSED_MS) return;
      course.refused = commitment;
      course.refusedAt = now();
    },
  });
}
