import type { Place } from "./reading.ts";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
/** No longer than this is trusted to what is left of a window: clocks are put forward and back. */
const LOOK_AGAIN_MS = 10 * MINUTE_MS;
const ZONE = /^[A-Za-z][A-Za-z0-9_+-]{0,30}(?:\/[A-Za-z0-9_+-]{1,30}){0,2}$/;

/** One stretch of the days that it names. */
export interface Window {
  /** Days on which it begins. */
  readonly days: readonly Day[];
  /** Minutes after midnight, 0 to 1439. */
  readonly from: number;
  /** Minutes after midnight, 1 to 1440. Not after `from`: on the next day. */
  readonly to: number;
}

/** When a grant is in force, by the clock on the wall of a place. */
export interface Hours {
  /** Name of the IANA time zone database. */
  readonly zone: string;
  readonly windows: readonly Window[];
}

/** Whether one of the windows is open. `now` is milliseconds since 1970 UTC. Throws RangeError for a time that is none. */
export function isOpen(hours: Hours, now: number): boolean {
  return minutesLeft(hours, now) > 0;
}

/**
 * Until when the hours are sure to be open, milliseconds since 1970 UTC: `now` when they are closed. Whoever lets
 * something last asks again then.
 */
export function openUntil(hours: Hours, now: number): number {
  const left = minutesLeft(hours, now);
  if (left <= 0) return now;
  // To the minute's beginning: a window ends with its last minute, not in the middle of the next.
  const end = now - (now % MINUTE_MS) + left * MINUTE_MS;
  return Math.min(end, now + LOOK_AGAIN_MS);
}

/** When to ask again whether it is open, milliseconds since 1970 UTC: after `now`, and not after it changes. */
export function lookAgain(hours: Hours, now: number): number {
  const until = openUntil(hours, now);
  return until > now ? until : now - (now % MINUTE_MS) + MINUTE_MS;
}

/** Whole minutes, the present one included, that the longest open window has left; 0 when none is open. */
function minutesLeft({ zone, windows }: Hours, now: number): number {
  const { day, minute } = wallClock(zone, now);
  const before = (day + DAYS.length - 1) % DAYS.length;
  const lefts = windows.map(({ days, from, to }) => {
    const runsOver = to <= from;
    const today = days.includes(nameOf(day)) && minute >= from ? (runsOver ? to + DAY_MINUTES : to) - minute : 0;
    const yesterday = runsOver && days.includes(nameOf(before)) ? to - minute : 0;
    return Math.max(today, yesterday);
  });
  return Math.max(0, ...lefts);
}

function nameOf(day: number): Day {
  const name = DAYS[day];
  if (name === undefined) throw new RangeError(`there is no day ${day}`);
  return name;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a clock on the wall shows: the day, 0 for Monday, and the minutes after midnight. */
function wallClock(zone: string, now: number): { readonly day: number; readonly minute: number } {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = makeClock(zone);
    clocks.set(zone, clock);
  }
  const shown = new Map(clock.formatToParts(now).map(({ type, value }) => [type, value]));
  const day = DAYS.findIndex((name) => name === shown.get("weekday")?.toLowerCase());
  const minute = Number(shown.get("hour")) * 60 + Number(shown.get("minute"));
  if (day < 0 || !(minute >= 0 && minute < DAY_MINUTES)) throw new RangeError(`the clock of ${zone} cannot be read`);
  return { day, minute };
}

function makeClock(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
}

/** Whether the name is one of a time zone here. */
export function isZone(name: string): boolean {
  if (!ZONE.test(name)) return false;
  try {
    makeClock(name);
    return true;
  } catch {
    return false;
  }
}

/** Decodes the hours of a grant: a zone that there is, and one to 16 windows. */
export function readHours(place: Place): Hours {
  const at = place.fields("zone", "windows");
  const zone = at("zone").text(ZONE, "the name of a time zone (Europe/Vienna)");
  if (!isZone(zone)) at("zone").fail("not a time zone");
  const windows = at("windows").list(16, readWindow);
  if (windows.length === 0) at("windows").fail("no window, so it would never be in force");
  return { zone, windows };
}

function readWindow(place: Place): Window {
  const at = place.fields("days", "from", "to");
  const days = at("days").names(DAYS.length, (day) => day.oneOf(DAYS));
  if (days.length === 0) at("days").fail("no day is named");
  const from = at("from").whole(0, DAY_MINUTES - 1);
  const to = at("to").whole(1, DAY_MINUTES);
  if (to === from) at("to").fail("the same as from");
  return { days, from, to };
}
