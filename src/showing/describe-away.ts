import type { Away } from "../kernel/away.ts";
import { describeGrant, type DescribeOptions } from "./describe-grant.ts";
import { join, line, type Line } from "./line.ts";
import { showMoment, showSpan } from "./moment.ts";

/** A stretch away as a person decides on it: its end, what becomes of questions, and every lease in full. Pure. */
export function describeAway({ until, asked, leases }: Away, options: DescribeOptions): readonly Line[] {
  return [
    join(
      ["strong", `away until ${showMoment(until, options.offset)}`],
      ` (in ${showSpan(until - options.now)}), or until aios back`,
    ),
    line(
      asked === "wait"
        ? "  what needs a human waits until you are back; an instance that asks too much is frozen"
        : "  what needs a human is denied at once (owner-away); what waits already goes on waiting",
      "plain",
    ),
    line("  people are alerted of stops and of owners' keys only; every stop works as ever", "plain"),
    ...(leases.length === 0
      ? [line("  no lease comes with it: what runs meanwhile runs under the grants that there are")]
      : []),
    ...leases.flatMap((lease) => [line(""), ...describeGrant(lease, options)]),
  ];
}
