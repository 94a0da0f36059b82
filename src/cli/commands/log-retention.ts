import { ERASABLE, DAY_MS, type RetentionDays } from "../../protocol/retention.ts";
import { parseDuration } from "../../protocol/units.ts";
import { describeRetention, tellDays } from "../../showing/describe-retention.ts";
import { line, writeLines } from "../../showing/line.ts";
import type { Arguments } from "../arguments.ts";
import type { CliPowers, Home, MonitorClient } from "../powers.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { firstSince } from "../log-walk.ts";
import { readRecordKind } from "../record-kinds.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";

const SHAPES = "aios log retention, or aios log retention set outcome=30d";

/** `aios log retention`: owners' rules by which payloads are erased. */
export const logRetention: Command = {
  path: ["log", "retention"],
  summary: "show or set for how long payloads are kept; you sign it",
  positionals: [
    { name: "DO", required: false, help: "show (default) or set" },
    { name: "RULE", required: false, repeats: true, help: "to set: KIND=TIME, such as outcome=30d; or forever alone" },
  ],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "After that time the key of the payload is destroyed: records, digests, proofs and what uses of grants count for stay. What is set replaces what was in force; a kind that is not named is kept for ever, and so are all with forever. The kind all is every kind that may go; a later rule overrules it.",
    `Rules can be about ${ERASABLE.join(", ")}. Of the other kinds the monitor's state is made.`,
    "A clock that jumped erases nothing until you say which time it is. See docs/retention.md.",
  ],
  examples: ["log retention", "log retention set outcome=30d intent=1825d", "log retention set all=90d"],
  async run(powers, args) {
    const what = args.optional("DO") ?? "show";
    const rules = args.list("RULE");
    if ((what !== "set" && what !== "show") || rules.length > 0 !== (what === "set"))
      throw CliFailure.of("usage", `"${[what, ...rules].join(" ")}" is nothing to do`, SHAPES);
    const days = what === "set" ? readRules(rules) : null;
    if (days !== null && args.has("json")) throw CliFailure.of("usage", "set prints no JSON", SHAPES);
    return await withMonitor({ powers, args }, async (client, home) => {
      if (days === null) await show({ powers, args, client });
      else await set({ powers, client, home }, days);
      return EXIT.ok;
    });
  },
};

async function show({
  powers,
  args,
  client,
}: {
  readonly powers: CliPowers;
  readonly args: Arguments;
  readonly client: MonitorClient;
}): Promise<void> {
  const { days, record, next, waits } = await client.request("retention", {});
  if (args.has("json")) return writeJson(powers, { days, record, next, waits });
  writeLines(powers.out, [
    line(`kept: ${tellDays(days)}${record === null ? "" : ` (record ${record})`}`),
    ...Object.entries(next).map(([kind, seq]) => line(`erased by rule: ${kind} before record ${seq}`)),
    ...(waits ? [line("nothing goes: say that the time is right (aios doctor --set-clock)", "wait")] : []),
  ]);
}

async function set(
  { powers, client, home }: { readonly powers: CliPowers; readonly client: MonitorClient; readonly home: Home },
  days: RetentionDays,
): Promise<void> {
  const asked = { purpose: "set-retention", document: { days } } as const;
  // What cannot be taken is refused before anybody reads it.
  await client.request("prepare", asked);
  const older: Record<string, number> = {};
  for (const [kind, count] of Object.entries(days))
    older[kind] = await firstSince(client, powers.now() - count * DAY_MS);
  writeLines(powers.err, [...describeRetention(days, older), line("")]);
  await insist(powers, "Have it so?");
  const session = openSigningSession(powers, { home, keep: "once" });
  const seq = await prepareAndSign({ powers, client, session }, asked);
  writeLines(powers.out, [line(`kept: ${tellDays(days)} (record ${seq})`)]);
}

function readRules(given: readonly string[]): RetentionDays {
  if (given.length === 1 && given[0] === "forever") return {};
  const days: Record<string, number> = {};
  for (const rule of given) {
    const [, kind = "", time = ""] = /^([^=]*)=(.*)$/su.exec(rule) ?? [];
    const count = (parseDuration(time) ?? 0) / DAY_MS;
    if (!Number.isInteger(count) || count < 1)
      throw CliFailure.of("usage", `"${rule}" is no rule`, "KIND=TIME in whole days, such as outcome=30d");
    for (const each of kind === "all" ? ERASABLE : [readRecordKind(kind)]) days[each] = count;
  }
  return days;
}
