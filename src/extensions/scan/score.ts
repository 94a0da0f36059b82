import { RULES, type Finding, type RuleId, type Severity } from "./finding.ts";

/** How exposed a machine is, from 0 (agents reach nothing) to 100, and what makes it so. */
export interface Score {
  readonly exposure: number;
  readonly word: "none" | "low" | "medium" | "high" | "critical";
  /** Whether all that is there was read. Where it was not, the exposure may be higher, and is at least this. */
  readonly complete: boolean;
  /** Rules by their part in it, most first. */
  readonly reasons: readonly { readonly rule: RuleId; readonly title: string; readonly times: number }[];
}

/** Part of what is left to reach that the first finding of a rule opens. */
const WEIGHTS: { readonly [severity in Severity]: number } = { critical: 0.35, high: 0.16, medium: 0.07, low: 0.02 };
/** Each further finding of a rule counts a third of the one before: ten keys in clear are worse than one, not ten times. */
const AGAIN = 1 / 3;
const LEAST: readonly (readonly [from: number, word: Score["word"]])[] = [
  [75, "critical"],
  [50, "high"],
  [25, "medium"],
  [1, "low"],
  [0, "none"],
];

/** Adds findings up. What each opens is taken from what the others left, so that the sum never passes 100. */
export function scoreOf(findings: readonly Finding[]): Score {
  const times = new Map<RuleId, number>();
  for (const { rule } of findings) times.set(rule, (times.get(rule) ?? 0) + 1);
  const parts = [...times].map(([rule, count]) => ({ rule, count, part: partOf(rule, count) }));
  const exposure = Math.round(100 * (1 - parts.reduce((left, { part }) => left * (1 - part), 1)));
  return {
    exposure,
    complete: !times.has("unreadable"),
    word: LEAST.find(([from]) => exposure >= from)?.[1] ?? "none",
    reasons: parts
      .toSorted((one, two) => two.part - one.part)
      .map(({ rule, count }) => ({ rule, title: RULES[rule].title, times: count })),
  };
}

function partOf(rule: RuleId, count: number): number {
  const first = WEIGHTS[RULES[rule].severity];
  let part = 0;
  for (let at = 0; at < Math.min(count, 8); at++) part += first * AGAIN ** at;
  return part;
}
