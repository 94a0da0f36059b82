import type { Random } from "../platform/powers.ts";
import { PLAIN_PURPOSES, type Purpose, type UnsignedStatement } from "../protocol/statement.ts";
import { Refusal } from "./faults.ts";

/** A statement that is asked for must be signed within this. */
const STATEMENT_MS = 5 * 60_000;
/** Statements asked for and not yet signed; more are refused, none is pushed out. */
const OUTSTANDING = 256;

/** Statements that were handed out and may still be signed, each once. Nonces of held actions are in the log instead. */
export interface Drafts {
  /**
   * Draws one up, good for five minutes. What one sentence says all of is the same draft for whoever asks in its first
   * half, so that a second screen shows the same short code for it. Throws a Refusal when too many wait.
   */
  draw(base: Omit<UnsignedStatement, "nonce" | "expires">): UnsignedStatement;
  /** What was handed out under a nonce, or null when it is not outstanding. */
  of(nonce: string): UnsignedStatement | null;
  /** It was signed. */
  end(nonce: string): void;
}

/** None is handed out yet. `now` is trusted time, milliseconds. */
export function createDrafts({ random, now }: { readonly random: Random; now(): number }): Drafts {
  const outstanding = new Map<string, UnsignedStatement>();
  return {
    draw(base) {
      const at = now();
      for (const [nonce, { expires }] of outstanding) if (expires <= at) outstanding.delete(nonce);
      const known = [...outstanding.values()].find(
        (draft) => isPlain(base.purpose) && isOver(draft, base) && draft.expires - at > STATEMENT_MS / 2,
      );
      if (known !== undefined) return known;
      if (outstanding.size >= OUTSTANDING)
        throw new Refusal("too-many", "Too many statements wait to be signed.", "Wait five minutes.");
      const draft = { ...base, nonce: random.hex(16), expires: at + STATEMENT_MS };
      outstanding.set(draft.nonce, draft);
      return draft;
    },
    of: (nonce) => outstanding.get(nonce) ?? null,
    end: (nonce) => void outstanding.delete(nonce),
  };
}

function isPlain(purpose: Purpose): boolean {
  return PLAIN_PURPOSES.some((each) => each === purpose);
}

function isOver(draft: UnsignedStatement, base: Omit<UnsignedStatement, "nonce" | "expires">): boolean {
  return (
    draft.purpose === base.purpose &&
    draft.subject === base.subject &&
    draft.policy === base.policy &&
    draft.start === base.start
  );
}
