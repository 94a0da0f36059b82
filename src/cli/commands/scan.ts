import { asJson } from "../../protocol/as-json.ts";
import { writePage } from "../../extensions/scan/page.ts";
import { writeSarif } from "../../extensions/scan/sarif.ts";
import { scanMachine, type ScanReport } from "../../extensions/scan/scan.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import type { CliPowers } from "../powers.ts";
import { drawScan } from "../scan-picture.ts";
import { makeVisible } from "../../showing/visible.ts";

const FORMATS = ["picture", "json", "sarif", "html"] as const;
type Format = (typeof FORMATS)[number];

/** `aios scan`: what the agents on this machine can reach today. Needs no home, no monitor and no network. */
export const scan: Command = {
  path: ["scan"],
  summary: "show what the agents on this machine can reach today",
  positionals: [],
  rest: null,
  flags: [
    { name: "format", value: "FORMAT", help: `${FORMATS.join(", ")} (default: picture)` },
    { name: "all", value: null, help: "show every finding, however often its rule was met" },
    { name: "fail-on", value: "N", help: "exit code 1 when the exposure is N or more, or something was not read" },
  ],
  details: [
    "Looks at the configurations, servers, skills, keys and histories of Claude Code, Claude Desktop, Codex, OpenCode, Cursor, VS Code, Gemini CLI and OpenClaw for you and for the folder where you stand. It changes nothing, starts nothing and asks no network, and prints names and places, never a key's value.",
    "What is there and cannot be read (a pipe, a folder in a file's place, no permission, no JSON, too large) is listed with the reason, and the score then says that it is incomplete.",
    "What it finds are well-known forms, not everything that there is: a clean report does not make an unsealed agent safe.",
  ],
  examples: ["scan", "scan --format html > reach.html", "scan --format sarif > aios.sarif"],
  async run(powers, args) {
    const format = readFormat(args.value("format") ?? "picture");
    const failOn = readThreshold(args.value("fail-on"));
    const report = await scanMachine(powers.look(), (what) => {
      if (powers.err.terminal) powers.err.write(`\r\u001b[Klooking at ${what} …`);
    });
    if (powers.err.terminal) powers.err.write("\r\u001b[K");
    show(powers, report, { format, all: args.has("all") });
    // What was not read could hold anything, so a check does not pass for it.
    const passes = failOn === null || (report.score.exposure < failOn && report.score.complete);
    return passes ? EXIT.ok : EXIT.no;
  },
};

function show(
  powers: CliPowers,
  report: ScanReport,
  { format, all }: { readonly format: Format; readonly all: boolean },
): void {
  switch (format) {
    case "picture":
      return writeLines(powers.out, drawScan(report, { columns: powers.out.columns, all }));
    case "json":
      return powers.out.write(`${JSON.stringify(asJson(report), null, 2)}\n`);
    case "sarif":
      return powers.out.write(`${JSON.stringify(writeSarif(report, powers.version), null, 2)}\n`);
    case "html": {
      powers.out.write(writePage(report, makeVisible));
      if (powers.out.terminal) writeLines(powers.err, [line("aios scan --format html > reach.html keeps it", "faint")]);
    }
  }
}

function readFormat(text: string): Format {
  const format = FORMATS.find((known) => known === text);
  if (format === undefined)
    throw CliFailure.of("usage", `there is no format "${text}"`, `one of: ${FORMATS.join(", ")}`);
  return format;
}

function readThreshold(text: string | null): number | null {
  if (text === null) return null;
  const value = Number(text);
  if (!/^\d{1,3}$/u.test(text) || value < 1 || value > 100)
    throw CliFailure.of("usage", `--fail-on takes a number from 1 to 100, not "${text}"`);
  return value;
}
