import { canonicalize } from "../../kernel/canonical.ts";
import { MAX_EXPORT_CHARACTERS } from "../../protocol/memory-export.ts";
import { writeProof } from "../../protocol/proof-file.ts";
import { parseDuration } from "../../protocol/units.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command, type Flag } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { summariseRecord } from "../../showing/describe-record.ts";
import { createErased } from "../erased.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { insistOnRecord } from "../insist-record.ts";
import { readInteger } from "../integer.ts";
import { join, line, writeLines } from "../../showing/line.ts";
import { showMoment } from "../../showing/moment.ts";
import type { CliPowers, LogKeySource, MonitorClient, Verified, WitnessChoice } from "../powers.ts";
import { readRecordKind } from "../record-kinds.ts";
import { layOutTable } from "../table.ts";
import { showRefusal } from "../verdict.ts";
import { makeVisible } from "../../showing/visible.ts";

const PAGE = 500;
export const KEY: Flag = {
  name: "key",
  value: "KEY",
  help: "the log's key as aios log verify prints it (default: that of the home)",
};
export const WITNESS_FLAGS: readonly Flag[] = [
  { name: "witness", value: "KEY", help: "the key of a witness that must have cosigned", repeats: true },
  { name: "quorum", value: "N", help: "so many of the witnesses are enough (default: all)" },
  { name: "within", value: "TIME", help: "cosigned no longer ago than this, such as 15min or 2d" },
];
const DIRECTORY: Flag = { name: "dir", value: "DIR", help: "a log folder, for a copy (default: that of the home)" };

/** `aios log show`: records, for people as a table, for programs as JSON lines. */
export const logShow: Command = {
  path: ["log", "show"],
  summary: "show what was recorded",
  positionals: [],
  rest: null,
  flags: [
    { name: "from", value: "N", help: "begin at this record (default: the last 50)" },
    { name: "limit", value: "N", help: "at most so many records (default: 50)" },
    { name: "instance", value: "ID", help: "only records of this instance" },
    { name: "kind", value: "KIND", help: "only records of this kind", repeats: true },
    { name: "payload", value: null, help: "also what is sealed beside each record" },
    { ...JSON_OUTPUT, help: "one JSON object a line: the record and its opened payload" },
    HOME,
  ],
  details: [
    "The log is append-only. What agents wrote is shown with code points in the place of characters that could deceive.",
  ],
  examples: ["log show", "log show --kind denied --kind held", "log show --from 0 --limit 10000 --json > log.jsonl"],
  async run(powers, args) {
    const limit = readInteger(args.value("limit") ?? "50", { name: "--limit", min: 1, max: 1_000_000 });
    const given = args.value("from");
    const from = given === null ? null : readInteger(given, { name: "--from", min: 0, max: Number.MAX_SAFE_INTEGER });
    const filter = { instance: args.value("instance"), kinds: args.values("kind").map(readRecordKind) };
    return await withMonitor({ powers, args }, async (client) => {
      const unfiltered = filter.instance === null && filter.kinds.length === 0;
      const { size, entries } = await client.request("log-show", { from: 0, limit: 1, ...filter });
      if (filter.instance !== null && entries.length === 0) await insistOnInstance(client, filter.instance);
      // With a filter the last records may hold none of its kind; then everything from the beginning is looked through.
      let next = from ?? (unfiltered ? Math.max(0, size - limit) : 0);
      let left = limit;
      const erased = createErased(client);
      const rows: (readonly [string, string, string, string, string])[] = [];
      while (left > 0) {
        const page = await client.request("log-show", { from: next, limit: Math.min(left, PAGE), ...filter });
        for (const entry of page.entries) {
          if (args.has("json")) writeJson(powers, entry);
          else {
            const summary = summariseRecord(entry.record);
            const at = showMoment(entry.record.at, powers.offset(entry.record.at));
            rows.push([String(entry.record.seq), at, entry.record.kind, summary.instance ?? "-", summary.text]);
            if (args.has("payload") && entry.record.payload !== null)
              rows.push([
                "",
                "",
                "",
                "",
                entry.payload === null ? await erased(entry.record) : canonicalize(entry.payload),
              ]);
          }
        }
        const last = page.entries.at(-1);
        if (last === undefined) break;
        next = last.record.seq + 1;
        left -= page.entries.length;
      }
      if (!args.has("json")) writeLines(powers.out, layOutTable(["RECORD", "AT", "KIND", "INSTANCE", "WHAT"], rows));
      return EXIT.ok;
    });
  },
};

/** An id that no instance ever had is a mistake; one that has no record of some kind is none. */
async function insistOnInstance(client: Pick<MonitorClient, "request">, id: string): Promise<void> {
  const { instances } = await client.request("ps", { all: true });
  if (instances.some(({ instance }) => instance === id)) return;
  throw CliFailure.of("not-found", `The log has no instance "${id}"`, "aios ps --all lists them");
}

/** `aios log verify`: the whole tree, by a verifier that trusts no monitor. */
export const logVerify: Command = {
  path: ["log", "verify"],
  summary: "verify every record of the log",
  positionals: [],
  rest: null,
  flags: [
    DIRECTORY,
    KEY,
    {
      name: "against",
      value: "PATH",
      help: "an earlier checkpoint, or the folder of a copy; the log must have grown from it",
      repeats: true,
    },
    ...WITNESS_FLAGS,
    JSON_OUTPUT,
    HOME,
  ],
  details: [
    "Reads the log's own files, without the monitor: every record, every hash, the signed checkpoint. With a checkpoint that you kept elsewhere it also finds a log that was cut, forked or rolled back; several narrow down from which record on, and a copy names it.",
    "A witness cosigns checkpoints only of a log that grows: with its key nobody can show you another history than it saw, and with --within nobody can show you an old one.",
    "Of the log of a home whose monitor does not run it also says whether one would start with it: what is newest is in the journal too, with its payloads, and a copy of the public files has no journal.",
    "Payloads (the arguments and results beside the records) may be erased and are not read: each record holds only the digest of its own.",
    "Exit code 1 when the log is refused.",
  ],
  examples: [
    "log verify",
    "log verify --against kept.checkpoint --against /mnt/copy/log",
    "log verify --witness KEY --within 1h",
  ],
  async run(powers, args) {
    const given = args.value("dir");
    const home = powers.home(args.value("home")).path;
    const folder = given === null ? powers.logs.folder(home) : powers.resolve(given);
    const against = args.values("against").map((path) => powers.resolve(path));
    const witnesses = readWitnesses(powers, args);
    return report(powers, args, await powers.logs.verify({ folder, key: findKey(args, home), against, witnesses }));
  },
};

/** `aios log prove`: a file that proves one record to somebody who has only a checkpoint. */
export const logProve: Command = {
  path: ["log", "prove"],
  summary: "write a proof of one record to standard output",
  positionals: [{ name: "N", required: true, help: "the number of the record" }],
  rest: null,
  flags: [HOME],
  details: [
    "The proof holds the record, its path in the tree and a signed checkpoint, as c2sp.org/tlog-proof says it. aios log check reads it, on any machine.",
  ],
  examples: ["log prove 42 > 42.tlog-proof"],
  async run(powers, args) {
    const seq = readInteger(args.required("N"), { name: "N", min: 0, max: Number.MAX_SAFE_INTEGER });
    return await withMonitor({ powers, args }, async (client) => {
      await insistOnRecord(client, seq);
      const { proof } = await client.request("log-prove", { seq });
      powers.out.write(writeProof(proof));
      return EXIT.ok;
    });
  },
};

/** `aios log check`: checks such a file. */
export const logCheck: Command = {
  path: ["log", "check"],
  summary: "check a proof of one record, or of memory",
  positionals: [{ name: "FILE", required: true, help: "a file from aios log prove or aios memory export" }],
  rest: null,
  flags: [KEY, ...WITNESS_FLAGS, JSON_OUTPUT, HOME],
  details: ["Exit code 1 when the proof is refused."],
  examples: ["log check 42.tlog-proof", "log check claude.memory --key KEY"],
  async run(powers, args) {
    const proof = await powers.files.read(args.required("FILE"), MAX_EXPORT_CHARACTERS);
    const key = findKey(args, powers.home(args.value("home")).path);
    return report(powers, args, await powers.logs.check({ text: proof, key, witnesses: readWitnesses(powers, args) }));
  },
};

export function findKey(args: Arguments, home: string): LogKeySource {
  const text = args.value("key");
  return text === null ? { kind: "home", home } : { kind: "text", text };
}

export function readWitnesses(powers: CliPowers, args: Arguments): WitnessChoice | null {
  const keys = args.values("witness");
  const quorum = args.value("quorum");
  const within = args.value("within");
  if (keys.length === 0) {
    if (quorum === null && within === null) return null;
    throw CliFailure.of("usage", "--quorum and --within are about witnesses, and none is named", "add --witness KEY");
  }
  const ago = within === null ? null : parseDuration(within);
  if (within !== null && ago === null) {
    throw CliFailure.of("usage", `"${within}" is no time`, "write it as 90s, 15min, 8h or 3d");
  }
  return {
    keys,
    quorum: quorum === null ? keys.length : readInteger(quorum, { name: "--quorum", min: 1, max: keys.length }),
    since: ago === null ? 0 : powers.now() - ago,
  };
}

export function report(powers: CliPowers, args: Arguments, verified: Verified): ExitCode {
  if (args.has("json")) {
    writeJson(powers, verified.kind === "verified" ? { kind: verified.kind, ...verified.facts } : verified);
  } else if (verified.kind === "verified") {
    writeLines(powers.out, [line("verified", "good"), ...verified.lines.map((text) => line(`  ${makeVisible(text)}`))]);
  } else {
    writeLines(powers.out, [join(["bad", "refused"], `  ${showRefusal(verified)} (${makeVisible(verified.code)})`)]);
  }
  return verified.kind === "verified" ? EXIT.ok : EXIT.no;
}
