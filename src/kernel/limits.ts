import type { Action } from "./action.ts";
import { canonicalize } from "./canonical.ts";
import type { ReasonCode } from "./codes.ts";
import type { Usage } from "./decision.ts";
import type { Grant } from "./grant.ts";
import { utf8Length } from "./utf8.ts";

/** What has been used of a grant that was never used. */
export const NO_USAGE: Usage = Object.freeze({ uses: 0, bytes: 0, recent: Object.freeze([]) });

/**
 * Whether one more use of a grant is within its limits: null, or the limit that it would break. `now` is milliseconds
 * since 1970 UTC, `bytes` the size of this use. Each comparison asks whether the limit surely holds, so that a number
 * that is none (NaN) denies (ERRORS-DENY).
 */
export function checkLimits(grant: Grant, usage: Usage, use: { now: number; bytes: number }): ReasonCode | null {
  const { limits } = grant;
  if (!(use.now >= limits.notBefore)) return "not-yet";
  if (!(use.now < limits.expires)) return "expired";
  if (limits.uses !== null && !(usage.uses < limits.uses)) return "limit-uses";
  if (limits.rate !== null) {
    const since = use.now - limits.rate.seconds * 1000;
    // A time ahead of now counts as recent: a clock that was set back must not refill the rate.
    const recent = usage.recent.filter((at) => !(at <= since)).length;
    if (!(recent < limits.rate.count)) return "limit-rate";
  }
  if (limits.bytes !== null && !(use.bytes >= 0 && usage.bytes + use.bytes <= limits.bytes)) return "limit-bytes";
  return null;
}

/** What a call counts towards a limit of bytes before there is a result: its arguments' canonical text in UTF-8. */
export function argumentBytes(action: Action): number {
  return utf8Length(canonicalize(action.arguments));
}

/**
 * Usage after one more use of `bytes` (see `argumentBytes`); those of the result, known only later, are added to it then.
 * `recent` keeps what the grant's rate still looks at.
 */
export function addUse(usage: Usage, use: { now: number; bytes: number; grant: Grant }): Usage {
  const { rate } = use.grant.limits;
  const since = rate === null ? use.now : use.now - rate.seconds * 1000;
  const recent = rate === null ? [] : [...usage.recent.filter((at) => !(at <= since)), use.now];
  return { uses: usage.uses + 1, bytes: usage.bytes + use.bytes, recent };
}
