import { DAYS, isZone, MAX_WINDOW_USES, type Day, type Hours, type Window } from "../kernel/hours.ts";
import { integer, list, nullable, object, type Decoder } from "./decode.ts";
import { quantity } from "./units.ts";

const WINDOW = /^(?:([a-z,-]{3,27}) )?([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})$/;
const RANGE = /^([a-z]{3})(?:-([a-z]{3}))?$/;

/** A window as people write it: `mon-fri 07:00-22:00`, `sat,sun 09:00-12:00`, `22:00-06:00`; null for anything else. */
export function parseWindow(written: string): Window | null {
  const found = WINDOW.exec(written);
  if (found === null) return null;
  const [, names, ...clock] = found;
  const days = names === undefined ? DAYS : parseDays(names);
  const from = minutes(clock[0], clock[1]);
  const to = minutes(clock[2], clock[3]);
  if (days === null || from === null || to === null || from === 1440 || to === from) return null;
  // Midnight ends a day as 24:00, and a night that ends with it may be written either way.
  return { days, from, to: to === 0 ? 1440 : to };
}

function minutes(hour: string | undefined, minute: string | undefined): number | null {
  const at = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && at <= 1440 ? at : null;
}

function parseDays(names: string): readonly Day[] | null {
  const days = new Set<Day>();
  for (const part of names.split(",")) {
    const [, first, last = first] = RANGE.exec(part) ?? [];
    const from = DAYS.findIndex((day) => day === first);
    const to = DAYS.findIndex((day) => day === last);
    if (from < 0 || to < from) return null;
    for (const day of DAYS.slice(from, to + 1)) {
      if (days.has(day)) return null;
      days.add(day);
    }
  }
  return [...days];
}

/** As `parseWindow` reads it. */
export function writeWindow({ days, from, to }: Window): string {
  const clock = `${showMinutes(from)}-${showMinutes(to)}`;
  return days.length === DAYS.length ? clock : `${writeDays(days)} ${clock}`;
}

function writeDays(days: readonly Day[]): string {
  const parts: string[] = [];
  const numbers = DAYS.flatMap((day, number) => (days.includes(day) ? [number] : []));
  for (let at = 0; at < numbers.length;) {
    let end = at;
    while (numbers[end + 1] === (numbers[end] ?? 0) + 1) end += 1;
    const [first, last] = [DAYS[numbers[at] ?? 0], DAYS[numbers[end] ?? 0]];
    parts.push(first === last ? `${first}` : `${first}-${last}`);
    at = end + 1;
  }
  return parts.join(",");
}

function showMinutes(at: number): string {
  return `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}`;
}

const zone: Decoder<string> = (value, refusal) =>
  typeof value === "string" && isZone(value)
    ? value
    : refusal.misspelt("the name of a time zone (Europe/Vienna) or its distance to UTC (+01:00)", value);

interface Written {
  readonly zone: string;
  readonly open: readonly Window[];
  readonly uses: number | null;
}

const WRITTEN: Decoder<Written> = object<Written>(
  {
    zone,
    open: list(quantity(parseWindow, "hours (mon-fri 07:00-22:00, sat,sun 09:00-12:00 or 22:00-06:00)"), {
      min: 1,
      max: 16,
    }),
    uses: nullable(integer({ min: 1, max: MAX_WINDOW_USES })),
  },
  { defaults: { uses: null } },
);

/** Hours as people write them: `{ zone: Europe/Vienna, open: ["mon-fri 07:00-22:00"], uses: 8 }`. */
export const HOURS: Decoder<Hours> = (value, refusal) => {
  const written = WRITTEN(value, refusal);
  if (!("open" in written)) return written;
  return { zone: written.zone, windows: written.open, ...(written.uses !== null && { uses: written.uses }) };
};

/** As `HOURS` reads them. */
export function writeHours({ zone: name, windows, uses }: Hours): object {
  return { zone: name, open: windows.map(writeWindow), ...(uses !== undefined && { uses }) };
}
