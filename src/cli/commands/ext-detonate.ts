import { asJson } from "../../protocol/as-json.ts";
import { DETONATION_RULES, type DetonationReport } from "../../extensions/detonate/finding.ts";
import { sarifLog } from "../../extensions/scan/sarif.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { noFiles, storedTree } from "../detonate-stored.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { findExtension } from "../find-extension.ts";
import { drawVerdict } from "../findings-picture.ts";
import type { CliPowers } from "../powers.ts";
import { countSteps } from "../show-extension.ts";

/** `aios ext detonate`: what an extension does when it is run. Of a folder it needs neither home nor monitor. */
export const extDetonate: Command = {
  path: ["ext", "detonate"],
  summary: "run an extension in a sealed sandbox to see what it does",
  positionals: [
    { name: "SOURCE", required: true, help: "its folder, or an extension of the store: NAME, NAME@VERSION, id" },
  ],
  rest: "ARGUMENTS",
  flags: [
    JSON_OUTPUT,
    { name: "sarif", value: null, help: "print SARIF 2.1.0 for code hosts" },
    { name: "all", value: null, help: "show every finding, however often its rule was met" },
    HOME,
  ],
  details: [
    "Runs what an installation would run, its server with a scripted client that calls every tool five times, its hooks, and what its texts have an agent run. Each runs in a sandbox without anything of yours: a made-up home full of made-up secrets, and a network that answers everything and leads nowhere.",
    "What it reads of these secrets, sends, plants, reaches for beyond its manifest, or changes of what it offers is a finding, with the call in which it happened. Exit code 1 when something grave was found, or when a part could not be run.",
    "What stands after -- goes to its server; /workspace is a made-up folder to work in.",
    "A clean report does not make an extension safe: what waits for a day, a name or a machine is not seen. What holds is the sandbox and the grant.",
  ],
  examples: [
    "ext detonate ./skills/notes",
    "ext detonate files@1.3.0 -- /workspace",
    "ext detonate --sarif ./server > detonation.sarif",
  ],
  async run(powers, args) {
    if (args.has("json") && args.has("sarif"))
      throw CliFailure.of("usage", "--json and --sarif are two forms of one report", "give one of them");
    const source = args.required("SOURCE");
    const answer = await powers.detonation.run(await findFolder(powers, args, source), { given: args.rest });
    if (answer.kind === "failed")
      throw CliFailure.of(
        "not-detonated",
        `Cannot detonate "${source}": ${answer.message} (${answer.code})`,
        answer.hint,
      );
    const { report } = answer;
    if (args.has("json")) powers.out.write(`${JSON.stringify(asJson(report), null, 2)}\n`);
    else if (args.has("sarif")) powers.out.write(`${JSON.stringify(asSarif(report, powers.version), null, 2)}\n`);
    else writeLines(powers.out, drawReport(source, report, { columns: powers.out.columns, all: args.has("all") }));
    return report.grave ? EXIT.no : EXIT.ok;
  },
};

/** A folder that lies there is meant before an extension of that name. */
async function findFolder(powers: CliPowers, args: Arguments, source: string): Promise<string> {
  const path = powers.resolve(source);
  const is = await powers.sources.inspect(path);
  if (is === "folder") return path;
  if (is === "file")
    throw CliFailure.of(
      "usage",
      `"${source}" is a file, and an extension is detonated as a folder`,
      "aios ext add puts an archive into the store, where it does nothing; then detonate it by its name",
    );
  return await withMonitor({ powers, args }, async (client, home) => {
    const { id, kind } = await findExtension(client, source);
    if (kind === "http") throw noFiles(source);
    return storedTree(home, id);
  });
}

function asSarif(report: DetonationReport, version: string): ReturnType<typeof sarifLog> {
  const base = { id: "EXTENSION", what: "The folder of the extension.", below: (path: string) => path };
  return sarifLog({ tool: "aios ext detonate", version, rules: DETONATION_RULES, base, findings: report.findings });
}

function drawReport(
  source: string,
  report: DetonationReport,
  screen: { readonly columns: number; readonly all: boolean },
): readonly Line[] {
  const nothing =
    report.ran.length === 0 ? line("There is nothing in it that runs by itself, so nothing was seen.", "wait") : null;
  const words = { does: "does", seen: "seen" };
  return [
    line(makeVisible(`${source}: ${countSteps(report)}`), "strong"),
    line(`  ${report.digest}`, "faint"),
    ...report.ran.map(({ step, how }) => line(makeVisible(`  ${step}: ${how}`), "faint")),
    line(""),
    ...drawVerdict(report, { rules: DETONATION_RULES, screen, words, nothing }),
  ];
}
