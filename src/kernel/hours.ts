import type { Place } from "./reading.ts";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
/** Day of the week of 1970-01-01, a Thursday. */
const FIRST_DAY = 3;
/** No longer than this is trusted to what is left of a window: clocks are put forward and back. */
const LOOK_AGAIN_MS = 10 * MINUTE_MS;
/** No clock of today is put forward by more, minutes. */
const LEAP_MINUTES = 180;
/** Most that a grant can say of one window. */
export const MAX_WINDOW_USES = 100_000;
const ZONE = /^(?:[A-Za-z][A-Za-z0-9_+-]{0,30}(?:\/[A-Za-z0-9_+-]{1,30}){0,2}|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])$/;

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
  /** Name of the IANA time zone database, or hours and minutes ahead of UTC: `+05:30`. */
  readonly zone: string;
  readonly windows: readonly Window[];
  /** Most uses within each window each time that it comes; absent: as many as the grant has. */
  readonly uses?: number;
}

/** One coming of a window: which of the windows, and the day of its beginning in days since 1970-01-01 by its own clock. */
export interface Coming {
  readonly window: number;
  readonly day: number;
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

/** The windows that are open. `now` is milliseconds since 1970 UTC. Throws RangeError for a time that is none. */
export function openWindows(hours: Hours, now: number): readonly Coming[] {
  return openNow(hours, now).map(({ window, day }) => ({ window, day }));
}

/** Whole minutes, the present one included, that the longest open window has left; 0 when none is open. */
function minutesLeft(hours: Hours, now: number): number {
  return Math.max(0, ...openNow(hours, now).map(({ left }) => left));
}

/**
 * A window that comes is known by the day on which it began, and not by instants: the hour that a clock shows twice when it
 * is put back is one hour of one window, so that what is counted in it is not counted anew.
 */
function openNow({ zone, windows }: Hours, now: number): readonly (Coming & { readonly left: number })[] {
  const { day, minute } = wallClock(zone, now);
  return windows.flatMap(({ days, from, to }, window) => {
    const runsOver = to <= from;
    if (days.includes(nameOf(day)) && minute >= from && (runsOver || minute < to))
      return [{ window, day, left: (runsOver ? to + DAY_MINUTES : to) - minute }];
    if (runsOver && days.includes(nameOf(day - 1)) && minute < to) return [{ window, day: day - 1, left: to - minute }];
    return [];
  });
}

/**
 * The next stretches in which a window is open, as instants: from `from` on, at most `most` of them, none after `until`,
 * which has to be near (weeks). For showing; nothing is decided by it.
 */
export function nextOpen(
  hours: Hours,
  { from, until, most }: { readonly from: number; readonly until: number; readonly most: number },
): readonly { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = [];
  let at = nextOpening(hours, { from, until });
  while (at !== null && found.length < most) {
    let to = at;
    while (to < until && isOpen(hours, to)) to = openUntil(hours, to);
    found.push({ from: at, to: Math.min(to, until) });
    at = nextOpening(hours, { from: to, until });
  }
  return found;
}

/** The first instant of those from `from` on and before `until` (weeks later at most) in which a window is open, or null. */
export function nextOpening(
  hours: Hours,
  { from, until }: { readonly from: number; readonly until: number },
): number | null {
  let at = from;
  while (at < until && !isOpen(hours, at)) at += minutesClosed(hours, at) * MINUTE_MS - (at % MINUTE_MS);
  return at < until ? at : null;
}

/** Minutes in which surely none opens, at least one: clocks may be put forward meanwhile. */
function minutesClosed({ zone, windows }: Hours, now: number): number {
  const { day, minute } = wallClock(zone, now);
  const waits = windows.flatMap(({ days, from }) =>
    [0, 1, 2, 3, 4, 5, 6, 7]
      .filter((ahead) => days.includes(nameOf(day + ahead)))
      .map((ahead) => ahead * DAY_MINUTES + from - minute)
      .filter((wait) => wait > 0),
  );
  return Math.max(1, Math.min(...waits) - LEAP_MINUTES);
}

function nameOf(day: number): Day {
  const name = DAYS[(((day + FIRST_DAY) % DAYS.length) + DAYS.length) % DAYS.length];
  if (name === undefined) throw new RangeError(`there is no day ${day}`);
  return name;
}

/** What the clocks below say: 11/26/2026, 07:05. */
const SHOWN = /^([0-9]{2})\/([0-9]{2})\/([0-9]{4}), ([0-9]{2}):([0-9]{2})$/;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a clock on the wall shows: its date in days since 1970-01-01, and the minutes after midnight. */
export function wallClock(zone: string, now: number): { readonly day: number; readonly minute: number } {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = makeClock(zone);
    clocks.set(zone, clock);
  }
  // Its parts one by one take three times as long, which each decision under such a grant would pay.
  const [month, date, year, hour, minutes] = (SHOWN.exec(clock.format(now)) ?? []).slice(1).map(Number);
  const day = Date.UTC(year ?? NaN, (month ?? NaN) - 1, date) / DAY_MS;
  const minute = (hour ?? NaN) * 60 + (minutes ?? NaN);
  if (!Number.isSafeInteger(day) || !(minute >= 0 && minute < DAY_MINUTES))
    throw new RangeError(`the clock of ${zone} cannot be read`);
  return { day, minute };
}

/** What the clock on the wall of a place shows, in words: `thu 2026-11-26` and `22:00`. */
export function clockWords(zone: string, at: number): { readonly date: string; readonly time: string } {
  const { day, minute } = wallClock(zone, at);
  const time = `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  return { date: `${nameOf(day)} ${new Date(day * DAY_MS).toISOString().slice(0, 10)}`, time };
}

function makeClock(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    calendar: "gregory",
    numberingSystem: "latn",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
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
  const given = place.given("uses");
  const at = place.fields("zone", "windows", ...given);
  const zone = at("zone").text(ZONE, "the name of a time zone (Europe/Vienna) or its distance to UTC (+01:00)");
  if (!isZone(zone)) at("zone").fail("not a time zone");
  const windows = at("windows").list(16, readWindow);
  if (windows.length === 0) at("windows").fail("no window, so it would never be in force");
  return { zone, windows, ...(given.includes("uses") ? { uses: at("uses").whole(1, MAX_WINDOW_USES) } : {}) };
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
