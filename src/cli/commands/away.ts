import { decodeAway, MAX_AWAY_MS, type Away } from "../../kernel/away.ts";
import type { Grant } from "../../kernel/grant.ts";
import { parseDuration, parseInstant } from "../../protocol/units.ts";
import { describeAway, tellAway, tellWaiting } from "../../showing/describe-away.ts";
import { join, line, writeLines } from "../../showing/line.ts";
import { showMoment } from "../../showing/moment.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { toDocument } from "../document.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { listHeld } from "../held.ts";
import { readGrantFile, type GrantSigningParts } from "../grant-file.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { showDigest } from "./digest.ts";

/** `aios away`: nobody is there to be asked for a stretch of time. */
export const away: Command = {
  path: ["away"],
  summary: "say until when nobody is there to be asked",
  positionals: [],
  rest: null,
  flags: [
    { name: "until", value: "TIME", help: "a time span or an instant, at most 7d; without it this says who is away" },
    { name: "wait", value: null, help: "what needs a human waits until you are back (the default)" },
    { name: "deny", value: null, help: "what needs a human is denied at once, with a code that tells the agent" },
    { name: "lease", value: "FILE", help: "a lease that is in force for this stretch only", repeats: true },
    { name: "workspace", value: "DIR", help: "folder that servers see while they are asked what they offer" },
    JSON_OUTPUT,
    HOME,
  ],
  details: [
    "One statement that you sign, with its end and with every lease in full. A lease that would last longer ends with it. It ends at its time or with aios back, whichever comes first, and neither a crash nor a restart changes that.",
    "Nothing is allowed by being away but what the leases say, and stops work as ever: aios freeze, aios kill, and what AIOS stops by itself.",
  ],
  examples: ["away --until 8h", "away --until 2026-12-01T08:00:00Z --deny --lease heartbeat.yaml", "away"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client, home) => {
      const until = args.value("until");
      if (until === null) await showAway({ powers, client }, args);
      else {
        const session = openSigningSession(powers, { home, keep: "once" });
        await goAway({ powers, client, session }, { args, until: readEnd(powers, until) });
      }
      return EXIT.ok;
    });
  },
};

/** `aios back`: somebody is there again. Needs no signature: it only takes away. */
export const back: Command = {
  path: ["back"],
  summary: "say that you are back, and see what happened",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["Needs no passphrase, since it only takes away. Shows what aios digest shows, from when you went away."],
  examples: ["back"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { since, record } = await client.request("back", {});
      const said = record === null ? "your time away was over already" : `you are back (record ${record})`;
      writeLines(powers.err, [line(said, "good")]);
      await showDigest({ powers, client }, { since, json: args.has("json") });
      return EXIT.ok;
    });
  },
};

async function showAway(
  { powers, client }: { readonly powers: CliPowers; readonly client: MonitorClient },
  args: Arguments,
): Promise<void> {
  for (const flag of ["wait", "deny"]) if (args.has(flag)) throw needsUntil(flag);
  if (args.values("lease").length > 0) throw needsUntil("lease");
  const { away: now } = await client.request("away", {});
  if (args.has("json")) return writeJson(powers, { away: now });
  if (now === null) return writeLines(powers.out, [line("nobody is away")]);
  const at = (moment: number): string => showMoment(moment, powers.offset(moment));
  const leases = now.leases.length === 0 ? "" : `; leases ${now.leases.join(", ")}`;
  // What came since waits for who is back; what was there before goes by its own end.
  const before = (await listHeld(client)).filter(({ since }) => since < now.since);
  const already = tellWaiting(before, { now: powers.now(), until: now.until });
  writeLines(powers.out, [
    line(`${tellAway(now, at)}, since ${at(now.since)}${leases}`, "wait"),
    ...(already === "" ? [] : [line(`from before: ${already}`, "wait")]),
  ]);
}

function needsUntil(flag: string): CliFailure {
  return CliFailure.of("usage", `aios away --${flag} needs --until`, "for example aios away --until 8h");
}

function readEnd(powers: Pick<CliPowers, "now" | "offset">, written: string): number {
  const span = parseDuration(written);
  const until = span === null ? parseInstant(written) : powers.now() + span;
  if (until === null)
    throw CliFailure.of("usage", `"${written}" is no time`, "for example 8h, or 2026-12-01T08:00:00Z");
  const shown = showMoment(until, powers.offset(until));
  if (until <= powers.now())
    throw CliFailure.of(
      "usage",
      `Cannot be away until ${shown}: that has passed, it is ${showMoment(powers.now(), powers.offset(powers.now()))}`,
      "for example 8h, or 2026-12-01T08:00:00Z; an instant with Z is in UTC",
    );
  if (until - powers.now() > MAX_AWAY_MS)
    throw CliFailure.of("usage", "A stretch away ends within seven days from now", "for example 8h, at most 7d");
  return until;
}

async function goAway(
  parts: GrantSigningParts,
  { args, until }: { readonly args: Arguments; readonly until: number },
): Promise<void> {
  const { powers, client } = parts;
  if (args.has("wait") && args.has("deny"))
    throw CliFailure.of("usage", "aios away takes either --wait or --deny", "--wait is what it does without them");
  const folder = args.value("workspace");
  const workspace = folder === null ? null : powers.resolve(folder);
  const leases: Grant[] = [];
  const taken = new Set((await client.request("grants", {})).grants.map(({ id }) => id));
  for (const path of args.values("lease")) {
    const lease = fitLease(await readGrantFile(parts, { path, workspace }), { taken, until });
    taken.add(lease.id);
    leases.push(lease);
  }
  const wanted: Away = { until, asked: args.has("deny") ? "deny" : "wait", leases };
  const document = toDocument(wanted);
  const decoded = decodeAway(document);
  if (decoded.kind === "refused") throw CliFailure.of("bad-grant", `Cannot go away so: ${decoded.message}`);
  // What cannot be taken is refused before anybody reads it; the draft is left to expire.
  await client.request("prepare", { purpose: "go-away", document });
  const now = powers.now();
  const options = {
    now,
    offset: powers.offset(now),
    columns: powers.err.columns,
    servers: true,
    waiting: await listHeld(client),
  };
  writeLines(powers.err, [...describeAway(decoded.value, options), line("")]);
  await insist(powers, "Go away so?");
  const seq = await prepareAndSign(parts, { purpose: "go-away", document });
  writeLines(powers.err, [join(["good", "away"], ` until ${showMoment(until, powers.offset(until))} (record ${seq})`)]);
}

/** The lease as it is for this stretch: it ends with it, under an id that was never used. */
function fitLease(
  grant: Grant,
  { taken, until }: { readonly taken: ReadonlySet<string>; readonly until: number },
): Grant {
  let id = grant.id;
  for (let number = 2; taken.has(id); number += 1) id = `${grant.id}-${number}`;
  return { ...grant, id, limits: { ...grant.limits, expires: Math.min(grant.limits.expires, until) } };
}
