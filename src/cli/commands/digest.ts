import { parseDuration, parseInstant } from "../../protocol/units.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { createDigest, type Digest, type DigestLine, type DigestPart } from "../digest.ts";
import type { Section } from "../digest-events.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines, type Line, type Tone } from "../../showing/line.ts";
import { showMoment, showSpan } from "../../showing/moment.ts";
import { makeVisible } from "../../showing/visible.ts";
import { firstSince, logSize, walkLog } from "../log-walk.ts";
import type { CliPowers } from "../powers.ts";

const SINCE = "12h";
/** Rows of one part that are shown; the rest is counted. */
const ROWS = 12;
/** What of one row is shown, characters; an agent writes some of them. */
const WIDTH = 240;

const TITLES: { readonly [section in Section]: readonly [title: string, tone: Tone] } = {
  ended: ["Ended by AIOS", "bad"],
  frozen: ["Frozen", "bad"],
  refused: ["Refused and denied", "bad"],
  failed: ["Went wrong", "bad"],
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

/** `aios digest`: what happened while nobody watched. */
export const digest: Command = {
  path: ["digest"],
  summary: "sum up what happened while you were away",
  positionals: [],
  rest: null,
  flags: [{ name: "since", value: "TIME", help: `a time span or an instant (default: ${SINCE})` }, JSON_OUTPUT, HOME],
  details: [
    "Begins with what needs you: what waits for an answer, what was ended and frozen, what was refused, denied and went wrong. Then what owners signed, what became of secrets, what ran and was done, files, programs, ports and starts of the monitor.",
    "What is equal is one line, with how often and when first and last. It is read from the log; aios log show has every record.",
  ],
  examples: ["digest", "digest --since 8h", "digest --since 2026-12-01T08:00:00Z --json"],
  async run(powers, args) {
    const given = args.value("since") ?? SINCE;
    const span = parseDuration(given);
    const since = span === null ? parseInstant(given) : powers.now() - span;
    if (since === null)
      throw CliFailure.of("usage", `"${makeVisible(given)}" is no time`, "for example 8h, or 2026-12-01T08:00:00Z");
    return await withMonitor({ powers, args }, async (client) => {
      const fold = createDigest();
      const [from, to] = [await firstSince(client, since), await logSize(client)];
      for await (const { record } of walkLog(client, { from, to })) fold.add(record);
      const { held } = await client.request("held", {});
      const summed = fold.sum(held);
      if (args.has("json")) writeJson(powers, { since, ...summed });
      else writeLines(powers.out, describeDigest(summed, { since, powers }));
      return EXIT.ok;
    });
  },
};

function describeDigest(
  { held, running, parts }: Digest,
  { since, powers }: { readonly since: number; readonly powers: CliPowers },
): readonly Line[] {
  const at = (moment: number): string => showMoment(moment, powers.offset(moment));
  const now = powers.now();
  const rows = held.map((view) => `${view.what} of ${view.agent}, until ${at(view.expires)}`);
  const live = running.map(({ agent, instance, since: began }) => `${agent} ${instance}, for ${showSpan(now - began)}`);
  return [
    line(`Since ${at(since)}`, "strong"),
    ...show(["Waits for you", "wait"], { rows, more: held.length - ROWS, where: "aios approvals list" }),
    ...parts.flatMap((part) => describePart(part, at)),
    ...show(["Runs now", "plain"], { rows: live, more: live.length - ROWS, where: "aios ps" }),
  ];
}

function describePart({ section, lines, uncounted }: DigestPart, at: (moment: number) => string): readonly Line[] {
  const rows = lines.map((each) => describeLine(each, at));
  const kinds = [...new Set(lines.map(({ kind }) => kind))];
  const where = `aios log show ${kinds.map((kind) => `--kind ${kind}`).join(" ")}`;
  return show(TITLES[section], { rows, more: Math.max(0, rows.length - ROWS) + uncounted, where });
}

function describeLine({ who, text, times, first, last }: DigestLine, at: (moment: number) => string): string {
  const what = who === "" ? text : `${who}: ${text}`;
  const cut = what.length > WIDTH ? `${what.slice(0, WIDTH)}...` : what;
  if (times === 1) return `${cut}, ${at(first)}`;
  return `${cut}, ${times} times, ${at(first)}${at(first) === at(last) ? "" : ` to ${at(last)}`}`;
}

function show(
  [title, tone]: readonly [string, Tone],
  { rows, more, where }: { readonly rows: readonly string[]; readonly more: number; readonly where: string },
): readonly Line[] {
  if (rows.length === 0) return [];
  return [
    line(title, "strong"),
    ...rows.slice(0, ROWS).map((row) => line(`  ${makeVisible(row)}`, tone)),
    ...(more > 0 ? [line(`  and ${more} more (${where})`, "faint")] : []),
  ];
}
