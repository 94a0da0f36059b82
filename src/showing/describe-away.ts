import type { Away } from "../kernel/away.ts";
import type { AwayView } from "../protocol/away-requests.ts";
import type { HeldView } from "../protocol/held-view.ts";
import { describeGrant, type DescribeOptions } from "./describe-grant.ts";
import { join, line, type Line } from "./line.ts";
import { showMoment, showSpan } from "./moment.ts";

/** A stretch away that is now, for the screens that people look at meanwhile. */
export function tellAway({ until, asked }: Pick<AwayView, "until" | "asked">, at: (moment: number) => string): string {
  return `away until ${at(until)}: what needs a human ${asked === "wait" ? "waits" : "is denied at once"}; aios back ends it`;
}

/** What becomes of that which waited before a stretch away, which changes nothing about it; "" when nothing waited. */
export function tellWaiting(
  waiting: readonly Pick<HeldView, "expires">[],
  { now, until }: { readonly now: number; readonly until: number },
): string {
  const first = waiting.reduce((soonest, { expires }) => Math.min(soonest, expires), Number.MAX_SAFE_INTEGER);
  const lost = waiting.filter(({ expires }) => expires <= until).length;
  if (waiting.length === 0) return "";
  const [waits, its] = waiting.length === 1 ? ["waits", "its"] : ["wait", "their"];
  const before = lost === 0 ? "none ends" : `${lost} ${lost === 1 ? "is" : "are"} denied`;
  const when = lost === 0 ? "" : `, the first in ${showSpan(first - now)}`;
  return `${waiting.length} ${waits} already, to ${its} own end: ${before} before you are back${when}`;
}

/**
 * A stretch away as a person decides on it: its end, what becomes of questions and of those that wait already, and every
 * lease in full. Pure.
 */
export function describeAway(
  { until, asked, leases }: Away,
  { waiting, ...options }: DescribeOptions & { readonly waiting: readonly Pick<HeldView, "expires">[] },
): readonly Line[] {
  const already = tellWaiting(waiting, { now: options.now, until });
  return [
    join(
      ["strong", `away until ${showMoment(until, options.offset)}`],
      ` (in ${showSpan(until - options.now)}), or until aios back`,
    ),
    line(
      asked === "wait"
        ? "  what needs a human waits until you are back; an instance that asks too much is frozen"
        : "  what needs a human is denied at once (owner-away)",
      "plain",
    ),
    already === "" ? line("  nothing waits now") : line(`  ${already}`, "wait"),
    line("  people are alerted of stops and of owners' keys only; every stop works as ever", "plain"),
    ...(leases.length === 0
      ? [line("  no lease comes with it: what runs meanwhile runs under the grants that there are")]
      : []),
    ...leases.flatMap((lease) => [line(""), ...describeGrant(lease, options)]),
  ];
}
