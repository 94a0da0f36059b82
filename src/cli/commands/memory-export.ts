import {
  EXPORTED_PLANES,
  MAX_EXPORT_CHARACTERS,
  MAX_EXPORT_ENTRIES,
  writeExport,
  type ExportedPlane,
  type ExportLine,
} from "../../protocol/memory-export.ts";
import { MOST_AT_ONCE } from "../../protocol/memory-table.ts";
import { line, writeLines } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { logSize, walkLog } from "../log-walk.ts";
import type { MonitorClient } from "../powers.ts";
import { sizeOf } from "./log-evidence.ts";
import { AGENT, PLANE, readAgent, readEntry } from "./memory.ts";

/** `aios memory export`: entries for another home, or for somebody who trusts nobody here. */
export const memoryExport: Command = {
  path: ["memory", "export"],
  summary: "write entries of a plane, with proofs, to a file",
  positionals: [AGENT, PLANE, { name: "FILE", required: true, help: "a file that is made" }],
  rest: null,
  flags: [
    { name: "from", value: "N", help: "only entries from this number on" },
    { name: "to", value: "N", help: "only entries up to this number" },
    HOME,
  ],
  details: [
    "Each entry comes with its record, the path to a signed checkpoint, and salt and text that the record commits to: aios log check or verifier/check-proof.mjs verifies the file with the log's key and nothing else.",
    "The file has the texts in the clear, and nothing ends in it: neither an end nor an erasure reaches what left the home. What ended, was erased or is in quarantine is left out. So is what does not open: it is named, and the command ends with 1.",
  ],
  examples: [
    "memory export claude append-only claude.memory",
    "memory export claude append-only new.memory --from 5000",
  ],
  async run(powers, args) {
    const [agent, plane] = [readAgent(args.required("AGENT")), readPlane(args.required("PLANE"))];
    const file = args.required("FILE");
    const entries = { from: numberOf(args, "from") ?? 0, to: numberOf(args, "to") ?? Number.MAX_SAFE_INTEGER };
    return await withMonitor({ powers, args }, async (client) => {
      const records = await findRecords(client, { agent, plane, ...entries });
      const newest = records.at(-1);
      if (newest === undefined)
        throw CliFailure.of("not-found", `The ${plane} plane of ${agent} has nothing of that`, "aios memory list");
      const { proof } = await client.request("log-prove", { seq: newest });
      const { checkpoint } = proof;
      const { lines, damaged } = await collect(client, { records, size: sizeOf(checkpoint) });
      const head = {
        v: 1,
        kind: "aios-memory",
        agent,
        plane,
        made: powers.now(),
        entries: lines.length,
        checkpoint,
      } as const;
      const text = writeExport(head, lines);
      if (text.length > MAX_EXPORT_CHARACTERS) throw tooLarge();
      await powers.drafts.write(powers.resolve(file), text);
      const left = records.length - lines.length - damaged.length;
      writeLines(powers.out, [
        line(`${lines.length} entries are in ${makeVisible(file)}, in the clear`, "good"),
        ...(left === 0 ? [] : [line(`  ${left} are left out: ended, erased or in quarantine`, "faint")]),
        ...damaged.map((entry) => line(`  entry ${entry} is left out: it does not open (memory-damaged)`, "bad")),
      ]);
      return damaged.length === 0 ? EXIT.ok : EXIT.no;
    });
  },
};

/** Numbers of the records of a plane's entries, ascending. */
async function findRecords(
  client: MonitorClient,
  of: { readonly agent: string; readonly plane: ExportedPlane; readonly from: number; readonly to: number },
): Promise<readonly number[]> {
  const records: number[] = [];
  for await (const { record } of walkLog(client, { from: 0, to: await logSize(client), kinds: ["memory-kept"] })) {
    if (record.kind !== "memory-kept" || record.agent !== of.agent || record.plane !== of.plane) continue;
    if (record.entry < of.from || record.entry > of.to) continue;
    records.push(record.seq);
  }
  return records;
}

async function collect(
  client: MonitorClient,
  { records, size }: { readonly records: readonly number[]; readonly size: number },
): Promise<{ readonly lines: readonly ExportLine[]; readonly damaged: readonly number[] }> {
  const lines: ExportLine[] = [];
  const damaged = new Set<number>();
  for (let next = 0; next < records.length;) {
    const answer = await client.request("memory-export", { records: records.slice(next, next + MOST_AT_ONCE), size });
    if (answer.done === 0) throw CliFailure.of("changed-on-the-way", "The monitor gave nothing", "try again");
    lines.push(...answer.lines);
    for (const entry of answer.damaged) damaged.add(entry);
    next += answer.done;
    if (lines.length > MAX_EXPORT_ENTRIES) throw tooLarge();
  }
  return { lines, damaged: [...damaged] };
}

function numberOf(args: Arguments, flag: string): number | null {
  const given = args.value(flag);
  return given === null ? null : readEntry(given);
}

function readPlane(name: string): ExportedPlane {
  const plane = EXPORTED_PLANES.find((each) => each === name);
  if (plane !== undefined) return plane;
  throw CliFailure.of("usage", `"${name}" is not append-only or ephemeral`);
}

function tooLarge(): CliFailure {
  return CliFailure.of(
    "usage",
    `One file takes at most ${MAX_EXPORT_ENTRIES} entries and ${MAX_EXPORT_CHARACTERS} characters`,
    "name fewer with --from N and --to N",
  );
}
