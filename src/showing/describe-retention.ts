import { ERASABLE, type RetentionDays } from "../protocol/retention.ts";
import { line, type Line } from "./line.ts";

/** Rules of retention in one line: what is kept alike stands together. */
export function tellDays(days: RetentionDays): string {
  const kinds = new Map<number, string[]>();
  for (const [kind, count] of Object.entries(days)) kinds.set(count, [...(kinds.get(count) ?? []), kind]);
  if (kinds.size === 0) return "all payloads for ever";
  return [...kinds]
    .toSorted(([one], [other]) => one - other)
    .map(([count, named]) => {
      const whose = named.length === ERASABLE.length ? "all that may go" : named.toSorted().join(", ");
      return `${whose} for ${count} day${count === 1 ? "" : "s"}`;
    })
    .join("; ");
}

/**
 * Rules as an owner decides on them.
 * @param older by kind, how many records there are before the first that is kept: what goes as soon as this is signed.
 */
export function describeRetention(days: RetentionDays, older: { readonly [kind: string]: number }): readonly Line[] {
  const kinds = Object.keys(days).toSorted();
  if (kinds.length === 0) {
    return [
      line("Can", "strong"),
      line("  nothing is erased by rule any more: payloads are kept for ever", "good"),
      line("Risk", "strong"),
      line("  what is gone already does not come back", "wait"),
    ];
  }
  const forever = ERASABLE.filter((kind) => days[kind] === undefined);
  return [
    line("Can", "strong"),
    ...kinds.map((kind) =>
      line(`  payloads of ${kind} are destroyed after ${days[kind]} day${days[kind] === 1 ? "" : "s"}`, "wait"),
    ),
    ...(forever.length === 0 ? [] : [line(`  kept for ever: ${forever.join(", ")}`, "good")]),
    line("Risk", "strong"),
    line("  for good: no file of the home and no backup without epoch keys gives them back", "bad"),
    ...kinds
      .filter((kind) => (older[kind] ?? 0) > 0)
      .map((kind) => line(`  at once: payloads of ${kind} among the first ${older[kind]} records`, "bad")),
    line("  nobody can be shown any more what was asked for, or what came of it", "wait"),
    line("  records, digests and proofs stay, and so does what uses of grants count for", "plain"),
  ];
}
