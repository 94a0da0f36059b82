import { parseCheckpoint, splitNote } from "../../protocol/note.ts";
import { parseDuration, parseInstant } from "../../protocol/units.ts";
import { line, writeLines } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { collectEvidence, type Evidence, type Stretch } from "../evidence/collect.ts";
import { writeReport } from "../evidence/report.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { firstSince } from "../log-walk.ts";
import type { CliPowers, MonitorClient } from "../powers.ts";

/** `aios log evidence`: a folder for somebody who trusts nobody here. */
export const logEvidence: Command = {
  path: ["log", "evidence"],
  summary: "pack records, payloads and proofs for an auditor",
  positionals: [{ name: "DIR", required: true, help: "a folder that is made" }],
  rest: null,
  flags: [
    { name: "since", value: "TIME", help: "a time span or an instant (default: the beginning)" },
    { name: "until", value: "TIME", help: "the same (default: now)" },
    { name: "agent", value: "NAME", help: "only records of this agent, and those about no agent", repeats: true },
    { name: "instance", value: "ID", help: "only records of this instance, and those about no agent", repeats: true },
    { name: "no-payloads", value: null, help: "without arguments and results: the records alone" },
    HOME,
  ],
  details: [
    "Makes records.jsonl (the records, and salt and text of what is sealed beside them), checkpoint, evidence.json (what leads from one to the other) and report.html, which people read. Records of others are there as hashes, so that none can be left out unseen; what a hash stands for nobody can know, so the verifier counts them, and refuses a hash where everybody's records are promised. What owners signed is there from the log's beginning.",
    "An auditor checks it with verifier/check-evidence.mjs and the log's key, which you give them another way. Payloads hold what agents read and wrote: give the folder to nobody who may not see that.",
  ],
  examples: ["log evidence audit --since 30d", "log evidence audit --agent writer --no-payloads"],
  async run(powers, args) {
    const [since, until] = [readTime(powers, args.value("since")), readTime(powers, args.value("until"))];
    return await withMonitor({ powers, args }, async (client) => {
      const { note, size } = await findCheckpoint(client, until);
      const from = since === null ? 0 : Math.min(size, await firstSince(client, since));
      const to = until === null ? size : Math.min(size, await firstSince(client, until));
      if (from >= to)
        throw CliFailure.of("not-found", "The log has no record of that time", "aios log show lists the last ones");
      const stretch = { from, to, size };
      const selection = { agents: args.values("agent"), instances: args.values("instance") };
      const evidence = { stretch, selection, payloads: !args.has("no-payloads"), note };
      const { shown, absent } = await writeFolder(
        { powers, client, folder: powers.resolve(args.required("DIR")) },
        evidence,
      );
      writeLines(powers.out, [
        line(`${shown} of records ${from} to ${to - 1} are in ${makeVisible(args.required("DIR"))}`, "good"),
        ...absent.map((name) => line(`  no record of these is of ${makeVisible(name)}`, "wait")),
        line("  report.html is for people, README.txt says how to check it", "faint"),
      ]);
      return EXIT.ok;
    });
  },
};

interface Asked {
  readonly stretch: Stretch;
  readonly selection: Evidence["selection"];
  readonly payloads: boolean;
  readonly note: string;
}

/** Writes everything into a folder of its own, records first, so that a folder without evidence.json is one that was cut short. */
async function writeFolder(
  { powers, client, folder }: { readonly powers: CliPowers; readonly client: MonitorClient; readonly folder: string },
  { stretch, selection, payloads, note }: Asked,
): Promise<{ readonly shown: number; readonly absent: readonly string[] }> {
  const { drafts } = powers;
  await drafts.makeFolder(folder);
  const evidence = collectEvidence({ powers, client, stretch, selection, payloads });
  await drafts.pour(`${folder}/records.jsonl`, evidence.lines);
  const { ranges, story, policies, absent } = evidence.sum();
  await drafts.write(`${folder}/checkpoint`, note);
  for (const [name, text] of policies) await drafts.write(`${folder}/policy-${name}.cedar`, text);
  const origin = splitNote(note)?.text.split("\n")[0] ?? "";
  const whose =
    selection.agents.length + selection.instances.length === 0
      ? "everybody's records"
      : `records of ${[...selection.agents, ...selection.instances].join(", ")}`;
  const facts = { origin, ...stretch, made: powers.now() };
  const none = absent.length === 0 ? "" : `; none is of ${absent.join(", ")}`;
  const words = `${whose}, ${payloads ? "with" : "without"} payloads${none}`;
  await drafts.write(`${folder}/report.html`, writeReport(story, { ...facts, selection: words }));
  await drafts.write(`${folder}/README.txt`, README);
  const document = { v: 2, kind: "aios-evidence", ...facts, selection: { ...selection, payloads }, ranges };
  await drafts.write(`${folder}/evidence.json`, `${JSON.stringify(document)}\n`);
  return { shown: story.records, absent };
}

/** The newest checkpoint, cosigned where it can be, over all records before `until`. */
async function findCheckpoint(
  client: MonitorClient,
  until: number | null,
): Promise<{ readonly note: string; readonly size: number }> {
  const { note: newest } = await client.request("checkpoint", {});
  const size = sizeOf(newest);
  const last = until === null ? size : Math.min(size, await firstSince(client, until));
  if (last === 0)
    throw CliFailure.of("not-found", "The log has no record of that time", "aios log show lists the last ones");
  const { proof } = await client.request("log-prove", { seq: last - 1 });
  return { note: proof.checkpoint, size: sizeOf(proof.checkpoint) };
}

/** How many records a checkpoint of the monitor is of. */
export function sizeOf(note: string): number {
  const checkpoint = parseCheckpoint(splitNote(note)?.text ?? "");
  if (checkpoint === null)
    throw CliFailure.of("changed-on-the-way", "The monitor gave no checkpoint", "run aios log verify");
  return checkpoint.size;
}

function readTime(powers: CliPowers, given: string | null): number | null {
  if (given === null) return null;
  const span = parseDuration(given);
  const at = span === null ? parseInstant(given) : powers.now() - span;
  if (at === null) throw CliFailure.of("usage", `"${given}" is no time`, "for example 8h, or 2026-12-01T08:00:00Z");
  return at;
}

const README = `Evidence from the audit log of an AIOS home.

report.html    what the records add up to, for people; nothing in it is proof
records.jsonl  one record a line: its text as the log holds it, salt and text of its payload;
               or the hash of one that was left out
checkpoint     the signed (and where it is, cosigned) root of the log
evidence.json  what leads from the records to that root
policy-*       texts of the rules that owners set

To check it you need the verifier (check-evidence.mjs, owners.mjs and check-proof.mjs of the
project) and the key of the log, both from somewhere else than this folder:

    node check-evidence.mjs FOLDER --key KEY

It says whether each record stood in the log at its place, whether payloads are the ones that
records commit to, and whether what adds authority was signed by an owner whom the records
enrol. How many records are not here it says too; what those are nobody can know from here.
docs/formats/evidence.md of the project has the format.
`;
