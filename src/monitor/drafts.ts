import type { Crypto, Random } from "../platform/powers.ts";
import { PLAIN_PURPOSES, type Purpose, type UnsignedStatement } from "../protocol/statement.ts";

/** A statement that is asked for must be signed within this. */
const STATEMENT_MS = 5 * 60_000;
/** Of those that two screens show alike. There are fewer things to say so: forgetting one costs the like code alone. */
const SHARED = 256;

/** Where a statement is drawn up: for whoever asks, or for what lies on the desk of proposed grants. */
const PLACES = ["asked", "desk"] as const;
export type DraftPlace = (typeof PLACES)[number];

/** What is drawn up; its nonce and end are made here. */
type Base = Omit<UnsignedStatement, "nonce" | "expires">;
type Drawn = Pick<UnsignedStatement, "nonce" | "purpose" | "subject" | "policy" | "start" | "expires">;

/**
 * Statements that are handed out to be signed, each once. Whoever asks needs no key, so nothing is kept of what is only
 * asked for: its nonce holds a keyed hash of it, and what comes back is known by that. No number of requests keeps
 * anybody else's from being drawn up or ends it. Nonces of held actions are in the log instead.
 */
export interface Drafts {
  /**
   * Draws one up, good for five minutes. What one sentence says all of is the same draft for whoever asks in its first
   * half, so that a second screen shows the same short code for it.
   */
  draw(base: Base, place?: DraftPlace): UnsignedStatement;
  /** Where a nonce was handed out; null when it was not, or was signed. */
  of(nonce: string): DraftPlace | null;
  /** Whether it is, to its end, what was handed out under its nonce. */
  fits(statement: Drawn): boolean;
  /** It was signed. Only what an owner signed may come here: this is what is kept, until its end. */
  end(statement: Drawn): void;
}

/** None is handed out yet. `now` is trusted time, milliseconds. */
export function createDrafts({
  random,
  crypto,
  now,
}: {
  readonly random: Pick<Random, "hex">;
  readonly crypto: Pick<Crypto, "digest">;
  now(): number;
}): Drafts {
  let secret = random.hex(32);
  const shared = new Map<string, UnsignedStatement>();
  /** Ends of what was signed, by nonce. */
  const signed = new Map<string, number>();
  /** The latest end of what `signed` has forgotten: nothing that ends by then is taken, whatever the clock says. */
  let forgotten = 0;

  /** Hex digits that only this monitor can make. Of a fixed length inside, and cut short: nothing can be appended to it. */
  function hash(text: string, digits: number): string {
    return crypto.digest(`${secret} ${crypto.digest(text)}`).slice("sha256:".length, "sha256:".length + digits);
  }

  /** A nonce: what is random, a hash by which it is known as ours, and one of all that it was handed out for. */
  const known = (salt: string, place: DraftPlace): string => `${salt}${hash(`${place} ${salt}`, 8)}`;
  function nonceOf(statement: Omit<Drawn, "nonce">, salt: string, place: DraftPlace): string {
    const { purpose, subject, policy, start, expires } = statement;
    return known(salt, place) + hash([place, salt, purpose, subject, policy, start, expires].join(" "), 16);
  }

  function of(nonce: string): DraftPlace | null {
    if (signed.has(nonce)) return null;
    return PLACES.find((place) => nonce.startsWith(known(nonce.slice(0, 8), place))) ?? null;
  }

  function sweep(at: number): void {
    for (const [nonce, expires] of signed)
      if (expires <= at) {
        signed.delete(nonce);
        forgotten = Math.max(forgotten, expires);
      }
    for (const [key, { expires }] of shared) if (expires - at <= STATEMENT_MS / 2) shared.delete(key);
  }

  /** The clock was set back behind what is forgotten: with another secret nothing of before is good any more. */
  function renew(): void {
    secret = random.hex(32);
    shared.clear();
    signed.clear();
    forgotten = 0;
  }

  return {
    draw(base, place = "asked") {
      const at = now();
      sweep(at);
      const expires = at + STATEMENT_MS;
      if (expires <= forgotten) renew();
      const key = keyOf(base);
      const other = shared.get(key);
      if (other !== undefined) return other;
      const draft = { ...base, nonce: nonceOf({ ...base, expires }, random.hex(4), place), expires };
      if (!isPlain(base.purpose)) return draft;
      for (const oldest of shared.keys()) if (shared.size >= SHARED) shared.delete(oldest);
      shared.set(key, draft);
      return draft;
    },
    of,
    fits(statement) {
      const { nonce, expires } = statement;
      const place = of(nonce);
      return place !== null && expires > forgotten && nonceOf(statement, nonce.slice(0, 8), place) === nonce;
    },
    end(statement) {
      signed.set(statement.nonce, statement.expires);
      if (shared.get(keyOf(statement))?.nonce === statement.nonce) shared.delete(keyOf(statement));
      sweep(now());
    },
  };
}

function isPlain(purpose: Purpose): boolean {
  return PLAIN_PURPOSES.some((each) => each === purpose);
}

function keyOf({ purpose, subject, policy, start }: Omit<Drawn, "nonce" | "expires">): string {
  return [purpose, subject, policy, start].join(" ");
}
