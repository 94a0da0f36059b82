import type { Place, Severity } from "../extensions/scan/finding.ts";
import { join, line, type Line, type Tone } from "../showing/line.ts";
import { makeVisible } from "../showing/visible.ts";
import { padText, wrapProse } from "../showing/width.ts";

export const TONES: { readonly [severity in Severity]: Tone } = {
  critical: "bad",
  high: "bad",
  medium: "wait",
  low: "faint",
};
/** Findings of one rule that are shown one by one; `--all` shows every one. */
const SHOWN = 4;

interface Shown {
  readonly rule: string;
  readonly message: string;
  readonly place: Place | null;
  /** What a person types about it, where there is such a command. */
  readonly command?: string | null;
}

/** How much is shown; `whole` says how to see every one, where `--all` does not. */
interface Screen {
  readonly columns: number;
  readonly all: boolean;
  readonly whole?: string;
}

interface VerdictOptions {
  readonly rules: Rules;
  readonly screen: Screen;
  readonly words: { readonly does: string; readonly seen: string };
  readonly nothing?: Line | null;
}

type Rules = { readonly [rule: string]: { readonly severity: Severity; readonly title: string } };

/** Findings by rule, in the order in which they come: its title, and each with its place. */
export function drawFindings(findings: readonly Shown[], rules: Rules, screen: Screen): readonly Line[] {
  const met = [...new Set(findings.map(({ rule }) => rule))];
  return met.flatMap((rule) => {
    const own = findings.filter((finding) => finding.rule === rule);
    const { severity, title } = (Object.hasOwn(rules, rule) ? rules[rule] : undefined) ?? {
      severity: "critical" as const,
      title: rule,
    };
    const shown = screen.all ? own : own.slice(0, SHOWN);
    const more = own.length - shown.length;
    const commands = [...new Set(own.flatMap(({ command }) => command ?? []))];
    return [
      join(
        [TONES[severity], padText(severity, 9)],
        ["strong", title],
        ["faint", own.length > 1 ? ` (${own.length})` : ""],
      ),
      ...shown.flatMap((finding) => drawFinding(finding, screen.columns)),
      ...(more > 0 ? [line(`           and ${more} more: ${screen.whole ?? "--all shows them"}`, "faint")] : []),
      ...(screen.all ? commands : commands.slice(0, SHOWN)).map((command) =>
        join("           ", ["good", `→ ${makeVisible(command)}`]),
      ),
    ];
  });
}

/**
 * The end of a report of findings alone: each finding, and what to make of them. `nothing`: what is said instead where there was
 * nothing to find anything in.
 */
export function drawVerdict(
  { findings, grave }: { readonly findings: readonly Shown[]; readonly grave: boolean },
  { rules, screen, words, nothing = null }: VerdictOptions,
): readonly Line[] {
  const verdict = grave
    ? line(`Do not trust it before you know why it ${words.does} this.`, "bad")
    : (nothing ??
      line(
        `Nothing grave was ${words.seen}. That does not make it safe: grant it what it needs, and no more.`,
        "good",
      ));
  return [...drawFindings(findings, rules, screen), ...(findings.length > 0 ? [line("")] : []), verdict];
}

function drawFinding({ message, place }: Shown, columns: number): readonly Line[] {
  const where = place === null ? "" : ` [${place.path}:${place.line}]`;
  return wrapProse(makeVisible(`${message}${where}`), Math.max(40, columns - 11)).map((text) =>
    line(`           ${text}`),
  );
}
