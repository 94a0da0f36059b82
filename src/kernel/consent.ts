import type { ReasonCode } from "./codes.ts";

/**
 * The content of an owner's statement whose signature was verified against an enrolled key. Everything in it is compared
 * once more with the action under way, because a good signature says only that someone once signed something.
 */
export interface Consent {
  readonly purpose: string;
  readonly decision: "allow" | "deny";
  readonly nonce: string;
  /** `sha256:…` of what was signed over. */
  readonly subject: string;
  readonly policy: string;
  readonly start: string;
  /** Milliseconds since 1970 UTC. */
  readonly expires: number;
  /** `ed25519:…`, the owner's key. */
  readonly key: string;
}

/** What is under way, as the kernel and the monitor know it. */
export interface Underway {
  readonly request: string;
  readonly digest: string;
  readonly policy: string;
  readonly start: string;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
}

/** A consent that does not fit, `by` naming the field. */
export interface Misfit {
  readonly code: ReasonCode;
  readonly by: string;
}

/** Whether a consent allows exactly the action under way: null when it does (SHOWN-SIGNED-RUN). */
export function checkConsent(consent: Consent, underway: Underway): Misfit | null {
  if (consent.purpose !== "approve-action") return { code: "wrong-purpose", by: "purpose" };
  if (consent.subject !== underway.digest) return { code: "wrong-subject", by: "subject" };
  if (consent.nonce !== underway.request) return { code: "stale-statement", by: "nonce" };
  if (consent.policy !== underway.policy) return { code: "stale-statement", by: "policy" };
  if (consent.start !== underway.start) return { code: "stale-statement", by: "start" };
  // Asked this way round so that an end that is no number has passed.
  if (!(underway.now < consent.expires)) return { code: "stale-statement", by: "expires" };
  return consent.decision === "allow" ? null : { code: "denied-by-owner", by: consent.key };
}
