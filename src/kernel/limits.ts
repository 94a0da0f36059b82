import type { Action } from "./action.ts";
import { canonicalize } from "./canonical.ts";
import type { ReasonCode } from "./codes.ts";
import type { Usage } from "./decision.ts";
import type { Grant, Limits } from "./grant.ts";
import { clockWords, nextOpening, openWindows, type Coming, type Hours } from "./hours.ts";
import { withinBudget, type Spent } from "./infer.ts";
import { utf8Length } from "./utf8.ts";

const NOTHING: Spent = Object.freeze({ input: 0, output: 0, cost: 0 });

/** What has been used of a grant that was never used. */
export const NO_USAGE: Usage = Object.freeze({ uses: 0, bytes: 0, recent: Object.freeze([]) });

/** A use that is held against limits. `spent` is what a call of a model is expected to spend at most. */
export interface LimitedUse {
  readonly now: number;
  readonly bytes: number;
  readonly spent?: Spent;
}

/**
 * Whether one more use of a grant is within its limits: null, or the limit that it would break. `now` is milliseconds
 * since 1970 UTC, `bytes` the size of this use. Each comparison asks whether the limit surely holds, so that a number
 * that is none (NaN) denies (ERRORS-DENY).
 */
export function checkLimits(grant: Grant, usage: Usage, use: LimitedUse): ReasonCode | null {
  const { limits } = grant;
  if (!(use.now >= limits.notBefore)) return "not-yet";
  if (!(use.now < limits.expires)) return "expired";
  if (limits.hours !== undefined) {
    const outside = checkHours(limits.hours, usage, use.now);
    if (outside !== null) return outside;
  }
  if (limits.uses !== null && !(usage.uses < limits.uses)) return "limit-uses";
  if (limits.rate !== null) {
    const since = use.now - limits.rate.seconds * 1000;
    // A time ahead of now counts as recent: a clock that was set back must not refill the rate.
    const recent = usage.recent.filter((at) => !(at <= since)).length;
    if (!(recent < limits.rate.count)) return "limit-rate";
  }
  if (limits.bytes !== null && !(use.bytes >= 0 && usage.bytes + use.bytes <= limits.bytes)) return "limit-bytes";
  return use.spent === undefined ? null : withinBudget(grant, usage.spent ?? NOTHING, use.spent);
}

/** Whether a window is open, and whether each that is has a use left: one that is full closes what another leaves open. */
function checkHours(hours: Hours, usage: Usage, now: number): ReasonCode | null {
  const open = openWindows(hours, now);
  if (open.length === 0) return "outside-hours";
  const { uses } = hours;
  if (uses === undefined) return null;
  return open.every((coming) => usedIn(usage, coming) < uses) ? null : "limit-window";
}

/** How far ahead a beginning is looked for: a window of one day of the week comes three times in it. */
const AHEAD_MS = 22 * 86_400_000;

/**
 * When a grant that only waits for its time or its hours is in force next: an instant, `now` when it is, or null when that
 * is in none of the next three weeks or not before it ends. Nothing is decided by it.
 */
export function inForceNext({ notBefore, expires, hours }: Limits, now: number): number | null {
  const from = Math.max(now, notBefore);
  if (hours !== undefined) return nextOpening(hours, { from, until: Math.min(expires, from + AHEAD_MS) });
  return from < expires ? from : null;
}

/** The same in words, by the clock of the place where its hours are counted. */
function describeNext(limits: Limits, now: number): string {
  const at = inForceNext(limits, now);
  if (at === null) return "its hours do not come before it ends, or not in the next three weeks";
  const zone = limits.hours?.zone ?? "UTC";
  const { date, time } = clockWords(zone, at);
  return `in force from ${date} ${time} on, by the clock of ${zone}`;
}

/** When the grant that a denial names will be in force, in words; null for a denial of another kind. */
export function waitsFor(
  { code, by }: { readonly code: ReasonCode; readonly by: string },
  { grants, now }: { readonly grants: ReadonlyMap<string, Grant>; readonly now: number },
): string | null {
  const limits = code === "outside-hours" || code === "not-yet" ? grants.get(by)?.limits : undefined;
  return limits === undefined ? null : describeNext(limits, now);
}

/** What was used of a window as it came. Days ahead of it count too: a clock that was set back must not open it anew. */
function usedIn({ windows = [] }: Usage, coming: Coming): number {
  return windows.reduce(
    (sum, { window, day, uses }) => (window === coming.window && !(day < coming.day) ? sum + uses : sum),
    0,
  );
}

/** Days after which what was used of a window is forgotten; a lease lasts no longer. */
const WINDOW_DAYS = 8;

function same(one: Coming, other: Coming): boolean {
  return one.window === other.window && one.day === other.day;
}

function addToWindows(windows: Usage["windows"] = [], open: readonly Coming[]): NonNullable<Usage["windows"]> {
  const latest = Math.max(...open.map(({ day }) => day));
  return [
    ...windows.filter((each) => !(each.day < latest - WINDOW_DAYS) && !open.some((coming) => same(coming, each))),
    ...open.map((coming) => ({ ...coming, uses: (windows.find((each) => same(coming, each))?.uses ?? 0) + 1 })),
  ];
}

/** What a call counts towards a limit of bytes before there is a result: its arguments' canonical text in UTF-8. */
export function argumentBytes(action: Action): number {
  return utf8Length(canonicalize(action.arguments));
}

/**
 * Usage after one more use of `bytes` (see `argumentBytes`); those of the result, known only later, are added to it then.
 * `recent` keeps what the grant's rate still looks at, `windows` what its hours do.
 */
export function addUse(usage: Usage, use: LimitedUse & { readonly grant: Grant }): Usage {
  const { rate, hours } = use.grant.limits;
  const since = rate === null ? use.now : use.now - rate.seconds * 1000;
  const recent = rate === null ? [] : [...usage.recent.filter((at) => !(at <= since)), use.now];
  const next = {
    uses: usage.uses + 1,
    bytes: usage.bytes + use.bytes,
    recent,
    ...(hours?.uses === undefined ? {} : { windows: addToWindows(usage.windows, openWindows(hours, use.now)) }),
  };
  if (usage.spent === undefined && use.spent === undefined) return next;
  return { ...next, spent: addSpent(usage.spent ?? NOTHING, use.spent ?? NOTHING) };
}

/** Usage once it is known what a call of a model spent, in the place of what it was expected to. */
export function settleSpent(
  usage: Usage,
  { expected, actual }: { readonly expected: Spent; readonly actual: Spent },
): Usage {
  const back = { input: -expected.input, output: -expected.output, cost: -expected.cost };
  return { ...usage, spent: addSpent(addSpent(usage.spent ?? NOTHING, back), actual) };
}

function addSpent(a: Spent, b: Spent): Spent {
  return { input: a.input + b.input, output: a.output + b.output, cost: a.cost + b.cost };
}
