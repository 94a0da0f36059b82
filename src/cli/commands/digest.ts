import { parseDuration, parseInstant } from "../../protocol/units.ts";
import { describeDigest } from "../../showing/describe-digest.ts";
import { writeLines } from "../../showing/line.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { listHeld } from "../held.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";

const SINCE = "12h";

/** `aios digest`: what happened while nobody watched. */
export const digest: Command = {
  path: ["digest"],
  summary: "sum up what happened while you were away",
  positionals: [],
  rest: null,
  flags: [{ name: "since", value: "TIME", help: `a time span or an instant (default: ${SINCE})` }, JSON_OUTPUT, HOME],
  details: [
    "Begins with what needs you: what waits for an answer, what was ended and frozen, what was refused, denied and went wrong. Then what each agent did, with tokens and money, and what ran under which lease. Then where things were sent, what owners signed, what became of secrets, what ran and was done, files and programs by name, ports and starts of the monitor.",
    "What is equal is one line, with how often and when first and last, and all of it is no longer than a screen; --json has every line. It is read from the log; aios log show has every record, and aios propose --denied makes a grant of what was denied.",
  ],
  examples: ["digest", "digest --since 8h", "digest --since 2026-12-01T08:00:00Z --json"],
  async run(powers, args) {
    const given = args.value("since") ?? SINCE;
    const span = parseDuration(given);
    const since = span === null ? parseInstant(given) : powers.now() - span;
    if (since === null)
      throw CliFailure.of("usage", `"${given}" is no time`, "for example 8h, or 2026-12-01T08:00:00Z");
    return await withMonitor({ powers, args }, async (client) => {
      await showDigest({ powers, client }, { since, json: args.has("json") });
      return EXIT.ok;
    });
  },
};

/** Shows what happened from a moment on, and what waits now. */
export async function showDigest(
  { powers, client }: { readonly powers: CliPowers; readonly client: MonitorClient },
  { since, json }: { readonly since: number; readonly json: boolean },
): Promise<void> {
  const summed = await client.request("digest", { since: Math.max(0, since) });
  const held = await listHeld(client);
  const all = { ...summed, held };
  if (json) writeJson(powers, { since, ...all });
  else writeLines(powers.out, describeDigest(all, { since, now: powers.now(), offset: powers.offset }));
}
