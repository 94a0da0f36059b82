import { clockWords, nextOpen, type Hours } from "../kernel/hours.ts";
import type { Limits } from "../kernel/grant.ts";
import { writeWindow } from "../protocol/short-hours.ts";
import type { Tone } from "./line.ts";

/** How far ahead stretches are looked for: a window of one day of the week comes three times in it. */
const AHEAD_MS = 22 * 86_400_000;
const STRETCHES = 3;

/**
 * The hours of a grant in words: its windows, how often in each, and the next stretches in which it is in force, as dates
 * on the clock of its zone. `now` is milliseconds since 1970 UTC.
 */
export function describeHours(
  { notBefore, expires }: Limits,
  { hours, now }: { readonly hours: Hours; readonly now: number },
): readonly { readonly tone: Tone; readonly text: string }[] {
  const { zone, windows, uses } = hours;
  const from = Math.max(now, notBefore);
  const until = Math.min(expires, from + AHEAD_MS);
  const next = nextOpen(hours, { from, until, most: STRETCHES }).map((stretch) => showStretch(zone, stretch));
  return [
    {
      tone: "plain",
      text: `only in these hours, by the clock of ${zone}: ${windows.map(writeWindow).join("; ")}; outside them it is as if it were not there`,
    },
    next.length === 0
      ? {
          tone: "bad",
          text: `its hours do not come ${until === expires ? "before it ends" : "in the next three weeks"}`,
        }
      : { tone: "plain", text: `in force next ${next.join("; ")}` },
    ...(uses === undefined ? [] : [{ tone: "plain" as const, text: `at most ${uses} uses each time that they come` }]),
  ];
}

function showStretch(zone: string, { from, to }: { readonly from: number; readonly to: number }): string {
  const [begin, end] = [clockWords(zone, from), clockWords(zone, to)];
  return `${begin.date} ${begin.time} to ${end.date === begin.date ? "" : `${end.date} `}${end.time}`;
}
