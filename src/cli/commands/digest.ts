import type { LogRecord } from "../../protocol/record.ts";
import { parseDuration, parseInstant } from "../../protocol/units.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { summariseRecord } from "../describe-record.ts";
import { digestOf, type Digest } from "../digest.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines, type Line, type Tone } from "../line.ts";
import { showMoment, showSpan } from "../moment.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { makeVisible } from "../visible.ts";

const SINCE = "12h";
const PAGE = 2000;
/** Rows of one part that are shown; the rest is counted. */
const ROWS = 12;

/** `aios digest`: what happened while nobody watched. */
export const digest: Command = {
  path: ["digest"],
  summary: "sum up what happened while you were away",
  positionals: [],
  rest: null,
  flags: [{ name: "since", value: "TIME", help: `a time span or an instant (default: ${SINCE})` }, JSON_OUTPUT, HOME],
  details: [
    "Begins with what needs you: what waits for an answer, and what was stopped. Then what ran, what was done and denied, who visited published ports, and what owners signed. It is read from the log; aios log show has every record.",
  ],
  examples: ["digest", "digest --since 8h", "digest --since 2026-12-01T08:00:00Z --json"],
  async run(powers, args) {
    const given = args.value("since") ?? SINCE;
    const span = parseDuration(given);
    const since = span === null ? parseInstant(given) : powers.now() - span;
    if (since === null)
      throw CliFailure.of("usage", `"${makeVisible(given)}" is no time`, "for example 8h, or 2026-12-01T08:00:00Z");
    return await withMonitor({ powers, args }, async (client) => {
      const records = await readSince(client, since);
      const { held } = await client.request("held", {});
      const summed = digestOf(records, held);
      if (args.has("json")) writeJson(powers, { since, ...summed });
      else writeLines(powers.out, describeDigest(summed, { since, powers }));
      return EXIT.ok;
    });
  },
};

async function readSince(client: MonitorClient, since: number): Promise<readonly LogRecord[]> {
  const read = (from: number, limit: number): ReturnType<typeof client.request<"log-show">> =>
    client.request("log-show", { from, limit, instance: null, kinds: [] });
  const { size } = await read(0, 1);
  // Records are in the order of their time, so the first one is found by halving.
  let [low, high] = [0, size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = (await read(middle, 1)).entries;
    if (entry !== undefined && entry.record.at < since) low = middle + 1;
    else high = middle;
  }
  const records: LogRecord[] = [];
  for (let next = low; next < size;) {
    const { entries } = await read(next, PAGE);
    const last = entries.at(-1);
    if (last === undefined) break;
    for (const { record } of entries) records.push(record);
    next = last.record.seq + 1;
  }
  return records;
}

function describeDigest(
  summed: Digest,
  { since, powers }: { readonly since: number; readonly powers: CliPowers },
): readonly Line[] {
  const at = (moment: number): string => showMoment(moment, powers.offset(moment));
  const now = powers.now();
  const { held, alarms, instances, done, denied, visits, signed, programs, calls } = summed;
  const inside = programs + calls === 0 ? [] : [`${programs} programs started, ${calls} system calls refused`];
  return [
    line(`Since ${at(since)}`, "strong"),
    ...part(
      "Waits for you",
      "wait",
      held.map((view) => `${view.what} of ${view.agent}, until ${at(view.expires)}`),
    ),
    ...part(
      "Look at this",
      "bad",
      alarms.map((record) => `${at(record.at)} ${record.kind} ${summariseRecord(record).text}`),
    ),
    ...part(
      "Ran",
      "plain",
      instances.map(
        ({ agent, instance, since: began, end }) =>
          `${agent === "" ? instance : `${agent} ${instance}`}: ${end ?? `running for ${showSpan(now - began)}`}`,
      ),
    ),
    ...part(
      "Done",
      "plain",
      done.map(({ what, times, failed }) => `${what}: ${times} times${failed === 0 ? "" : `, ${failed} failed`}`),
    ),
    ...part(
      "Denied",
      "bad",
      denied.map(({ what, code, times }) => `${what}: ${times} times, ${code}`),
    ),
    ...part("Inside", "plain", inside),
    ...part(
      "Visits",
      "plain",
      visits.map(
        ({ port, entered, requests, refused }) =>
          `${port}: ${entered} entered, ${requests} requests, ${refused} refused`,
      ),
    ),
    ...part(
      "Signed",
      "plain",
      signed.map((record) => `${at(record.at)} ${record.kind} ${summariseRecord(record).text}`),
    ),
  ];
}

function part(title: string, tone: Tone, rows: readonly string[]): readonly Line[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, ROWS).map((row) => line(`  ${makeVisible(row)}`, tone));
  return [
    line(title, "strong"),
    ...shown,
    ...(rows.length > ROWS ? [line(`  and ${rows.length - ROWS} more`, "faint")] : []),
  ];
}
