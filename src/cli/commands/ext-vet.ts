import { asJson } from "../../protocol/as-json.ts";
import { readAdvisories, shippedAdvisories, type Advisories } from "../../extensions/vet/advisories.ts";
import { VET_RULES } from "../../extensions/vet/finding.ts";
import { sarifLog } from "../../extensions/scan/sarif.ts";
import { vetTree, type VetReport } from "../../extensions/vet/vet.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";
import { JSON_OUTPUT, type Command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { drawVerdict } from "../findings-picture.ts";
import type { CliPowers } from "../powers.ts";

const ADVISORIES_BYTES = 256 * 1024 * 1024;

/** `aios ext vet`: what speaks against an extension. Needs no home, no monitor and no network, and runs nothing of it. */
export const extVet: Command = {
  path: ["ext", "vet"],
  summary: "look through an extension for what speaks against it",
  positionals: [{ name: "PATH", required: true, help: "its folder, or one file" }],
  rest: null,
  flags: [
    JSON_OUTPUT,
    { name: "sarif", value: null, help: "print SARIF 2.1.0 for code hosts" },
    { name: "all", value: null, help: "show every finding, however often its rule was met" },
    { name: "advisories", value: "FILE", help: "a file of known malicious packages, one OSV entry a line" },
  ],
  details: [
    "Reads what a skill, a plugin, an MCP server or a bundle can do, what its texts tell an agent, and what its names pass for. It runs nothing, changes nothing and asks no network. Exit code 1 when something grave was found.",
    "A clean report does not make an extension safe: rules find known ways. What holds is the sandbox, whatever an extension says.",
  ],
  examples: [
    "ext vet ./skills/notes",
    "ext vet --sarif ./server > vet.sarif",
    "ext vet --advisories osv.jsonl ./server",
  ],
  async run(powers, args) {
    if (args.has("json") && args.has("sarif"))
      throw CliFailure.of("usage", "--json and --sarif are two forms of one report", "give one of them");
    const path = args.required("PATH");
    const advisories = await openAdvisories(powers, args.value("advisories"));
    const tree = await powers.vetting.read(powers.resolve(path));
    if (tree === null) throw CliFailure.of("file-unreadable", `Cannot read "${path}": there is no folder or file`);
    const report = vetTree(tree, { tools: await powers.vetting.tools(), advisories });
    if (args.has("json")) powers.out.write(`${JSON.stringify(asJson(report), null, 2)}\n`);
    else if (args.has("sarif")) powers.out.write(`${JSON.stringify(asSarif(report, powers.version), null, 2)}\n`);
    else writeLines(powers.out, drawReport(path, report, { columns: powers.out.columns, all: args.has("all") }));
    return report.grave ? EXIT.no : EXIT.ok;
  },
};

async function openAdvisories(powers: CliPowers, file: string | null): Promise<Advisories> {
  if (file === null) return shippedAdvisories();
  const read = readAdvisories(await powers.files.read(powers.resolve(file), ADVISORIES_BYTES));
  if (read.kind === "ok") return read.advisories;
  const hint = 'each line is one OSV entry as JSON, or {"id":…,"sha256":…}; nothing was vetted';
  throw CliFailure.of("bad-json", `Cannot use "${file}" in line ${read.line}: ${read.why}`, hint);
}

function asSarif(report: VetReport, version: string): ReturnType<typeof sarifLog> {
  const base = { id: "EXTENSION", what: "The folder of the extension.", below: (path: string) => path };
  return sarifLog({ tool: "aios ext vet", version, rules: VET_RULES, base, findings: report.findings });
}

function drawReport(
  path: string,
  report: VetReport,
  screen: { readonly columns: number; readonly all: boolean },
): readonly Line[] {
  const files = `${report.files} ${report.files === 1 ? "file" : "files"}`;
  const words = { does: "holds", seen: "found" };
  return [
    line(makeVisible(`${path}: ${files}`), "strong"),
    line(""),
    ...drawVerdict(report, { rules: VET_RULES, screen, words }),
  ];
}
