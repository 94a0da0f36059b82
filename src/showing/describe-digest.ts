import type { Digest, DigestAgent, DigestLine, DigestPart, DigestUse, Section } from "../protocol/digest.ts";
import { line, type Line, type Tone } from "./line.ts";
import { showMoment, showSpan } from "./moment.ts";
import { makeVisible } from "./visible.ts";

/** Rows of one part that are shown at most; the rest is counted. */
const ROWS = 12;
/** Rows of the whole, so that it is read at once. */
const SCREEN = 40;
/** What of one row is shown, characters; an agent writes some of them. */
const WIDTH = 240;

const TITLES: { readonly [section in Section]: readonly [title: string, tone: Tone] } = {
  ended: ["Ended by AIOS", "bad"],
  frozen: ["Frozen", "bad"],
  refused: ["Refused and denied", "bad"],
  failed: ["Went wrong", "bad"],
  sent: ["Sent and asked", "plain"],
  signed: ["Signed", "plain"],
  secrets: ["Secrets", "plain"],
  ran: ["Ran", "plain"],
  done: ["Done", "plain"],
  files: ["Files", "plain"],
  inside: ["Inside", "plain"],
  ports: ["Ports", "plain"],
  asked: ["Asked you", "plain"],
  monitor: ["The monitor", "plain"],
};

/** Parts that stand before what went well. */
const FIRST: ReadonlySet<Section> = new Set(["ended", "frozen", "refused", "failed"]);

export interface DigestOptions {
  /** From when on, and now: milliseconds since 1970 UTC. */
  readonly since: number;
  readonly now: number;
  /** Minutes that local time is ahead of UTC at a moment. */
  offset(moment: number): number;
}

/** One heading with its rows. */
interface Block {
  readonly title: string;
  readonly tone: Tone;
  /** Visible text. */
  readonly rows: readonly string[];
  /** Records that have no row. */
  readonly uncounted: number;
  /** The command that shows the rest. */
  readonly where: string;
}

/**
 * A digest as lines of visible text, no more of them than a screen has: what needs a human first, then what each agent did and
 * under which lease, then everything else. Where there is too much, each part says how much more there is and where. Pure.
 */
export function describeDigest(digest: Digest, options: DigestOptions): readonly Line[] {
  const at = (moment: number): string => showMoment(moment, options.offset(moment));
  const { held, running, agents, leases, parts } = digest;
  const parted = (first: boolean): readonly Block[] =>
    parts.filter(({ section }) => FIRST.has(section) === first).map((part) => describePart(part, at));
  const blocks = [
    block(["Waits for you", "wait"], {
      rows: held.map(
        ({ what, about, agent, expires, request }) =>
          `${makeVisible(`${agent}: ${what}`)}  ${about}, until ${at(expires)}: aios approvals show ${request.slice(0, 8)}`,
      ),
      where: "aios approvals list",
    }),
    ...parted(true),
    block(["Agents", "plain"], { rows: agents.map(describeAgent).map(makeVisible), where: "aios digest --json" }),
    block(["Ran under a lease, and nobody was asked", "wait"], {
      rows: leases.map((use) => makeVisible(describeUse(use, at))),
      where: "aios digest --json",
    }),
    ...parted(false),
    block(["Runs now", "plain"], {
      rows: running.map(({ agent, instance, since }) =>
        makeVisible(`${agent} ${instance}, for ${showSpan(options.now - since)}`),
      ),
      where: "aios ps",
    }),
  ].filter(({ rows, uncounted }) => rows.length + uncounted > 0);
  return [line(`Since ${at(options.since)}`, "strong"), ...fit(blocks, SCREEN - 1)];
}

function block(
  [title, tone]: readonly [string, Tone],
  { rows, where }: { readonly rows: readonly string[]; readonly where: string },
): Block {
  return { title, tone, rows, where, uncounted: 0 };
}

/** As many rows of each block as fit together; where not even one of each does, the last blocks are named only. */
function fit(blocks: readonly Block[], room: number): readonly Line[] {
  const heightWith = (most: number): number =>
    blocks.reduce(
      (sum, { rows, uncounted }) =>
        sum + 1 + Math.min(most, rows.length) + (rows.length > most || uncounted > 0 ? 1 : 0),
      0,
    );
  let most = ROWS;
  while (most > 1 && heightWith(most) > room) most -= 1;
  const shown: Line[] = [];
  for (const [index, each] of blocks.entries()) {
    const lines = show(each, most);
    const isLast = index === blocks.length - 1;
    if (shown.length + lines.length + (isLast ? 0 : 1) > room) {
      const names = blocks.slice(index).map(({ title }) => title);
      return [...shown, line(`And more: ${names.join(", ")} (aios digest --json)`, "faint")];
    }
    shown.push(...lines);
  }
  return shown;
}

function show({ title, tone, rows, uncounted, where }: Block, most: number): readonly Line[] {
  const more = Math.max(0, rows.length - most) + uncounted;
  return [
    line(title, "strong"),
    ...rows.slice(0, most).map((row) => line(`  ${row}`, tone)),
    ...(more > 0 ? [line(`  and ${more} more (${where})`, "faint")] : []),
  ];
}

function describePart({ section, lines, uncounted }: DigestPart, at: (moment: number) => string): Block {
  const [title, tone] = TITLES[section];
  const kinds = [...new Set(lines.map(({ kind }) => kind))];
  const where = `aios log show ${kinds.map((kind) => `--kind ${kind}`).join(" ")}`;
  return { title, tone, rows: lines.map((each) => makeVisible(describeLine(each, at))), uncounted, where };
}

function describeLine({ who, text, times, first, last }: DigestLine, at: (moment: number) => string): string {
  const what = who === "" ? text : `${who}: ${text}`;
  const cut = what.length > WIDTH ? `${what.slice(0, WIDTH)}...` : what;
  if (times === 1) return `${cut}, ${at(first)}`;
  return `${cut}, ${times} times, ${at(first)}${at(first) === at(last) ? "" : ` to ${at(last)}`}`;
}

const OUTCOMES = ["done", "failed", "unknown", "denied", "held", "approved"] as const;

function describeAgent(one: DigestAgent): string {
  const counts = OUTCOMES.filter((name) => one[name] > 0).map((name) => `${one[name]} ${name}`);
  const { input, output, cost } = one;
  const models =
    input + output + cost === 0 ? [] : [`${input} tokens asked, ${output} answered, ${cost / 1_000_000} of money`];
  return `${one.agent}: ${[...counts, ...models].join(", ")}`;
}

function describeUse({ grant, agent, times, first, last }: DigestUse, at: (moment: number) => string): string {
  const when = times === 1 ? at(first) : `${times} times, ${at(first)} to ${at(last)}`;
  return `${agent}: ${grant}, ${when}`;
}
