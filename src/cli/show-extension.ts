import type { ExtensionAsks, ExtensionManifest } from "../protocol/extension.ts";
import { DETONATION_RULES, type DetonationAnswer, type DetonationReport } from "../extensions/detonate/finding.ts";
import { SEVERITIES } from "../extensions/scan/finding.ts";
import { isGrave, VET_RULES, type VetRule } from "../extensions/vet/finding.ts";
import type { ExtensionView } from "../protocol/extension-table.ts";
import type { Vetted } from "../protocol/vetting-order.ts";
import { join, line, type Line } from "../showing/line.ts";
import { showBytes, showMoment } from "../showing/moment.ts";
import { makeVisible } from "../showing/visible.ts";
import { drawFindings } from "./findings-picture.ts";
import type { CliPowers } from "./powers.ts";

/** Its name and version, as text that can be shown. */
export function nameExtension(extension: Pick<ExtensionView, "name" | "version">): string {
  return makeVisible(callExtension(extension));
}

/** The same as it is: for the message of a failure, which is made visible where it is shown. */
export function callExtension({ name, version }: Pick<ExtensionView, "name" | "version">): string {
  return version === null ? name : `${name}@${version}`;
}

/** What it is, in a word: of an archive that is neither package nor skill, that. */
export function kindOf({ kind, source }: Pick<ExtensionView, "kind" | "source">): string {
  return kind === "folder" && /\.(?:tgz|tar\.gz)$/iu.test(source) ? "archive" : kind;
}

/** What an extension is and where it came from. */
export function describeExtension(
  extension: ExtensionView,
  manifest: ExtensionManifest,
  powers: Pick<CliPowers, "offset">,
): readonly Line[] {
  const { id, kind, source, state, at, why } = extension;
  const is = kindOf(extension);
  const { publisher, about, files, bytes } = manifest;
  return [
    join(["strong", nameExtension(extension)], `  ${is}`),
    line(`  ${id}`, "faint"),
    ...(is === "archive" ? [line("  files without a package.json: nothing in it says what it is")] : []),
    ...(about === null ? [] : [line(`  says it is: ${makeVisible(about)}`)]),
    line(`  says it is by: ${publisher === null ? "nobody" : makeVisible(publisher)}`),
    line(`  came from ${makeVisible(source)}, ${showMoment(at, powers.offset(at))}`),
    ...(kind === "http" ? [] : [line(`  ${files === 1 ? "1 file" : `${files} files`}, ${showBytes(bytes)}`)]),
    ...describeProvenance(extension),
    ...describePublication(extension),
    ...(why === null ? [] : [line(`  ${state === "lapsed" ? "was " : ""}in quarantine: ${makeVisible(why)}`, "bad")]),
  ];
}

/** How it was built, by what was verified when it was added; of what is no package there is nothing to say. */
function describeProvenance({ kind, provenance }: ExtensionView): readonly Line[] {
  switch (provenance?.kind) {
    case undefined:
      return kind === "npm" ? [line("  nobody attests how it was built")] : [];
    case "unread":
      return [line(`  how it was built is not known: ${makeVisible(provenance.why)}`, "wait")];
    case "refused":
      return [line(`  its attestation does not hold: ${makeVisible(provenance.why)}`, "bad")];
    case "verified": {
      const { repository, workflow, commit, builder, roots } = provenance;
      return [
        line(`  was built from ${makeVisible(repository)} at ${makeVisible(commit)}`, "good"),
        line(`  by ${makeVisible(workflow)}`),
        line(`  on ${makeVisible(builder)}`),
        ...(roots === null ? [] : [line(`  as verified with roots that were given: ${roots}`, "wait")]),
      ];
    }
  }
}

/** Who signed it: by the name under which an owner admitted that key, and never by what the extension says. */
function describePublication({ kind, publication }: ExtensionView): readonly Line[] {
  if (publication === null) return kind === "http" ? [] : [line("  no publisher signed it")];
  if (publication.kind === "refused")
    return [line(`  its publisher's signature does not hold: ${makeVisible(publication.why)}`, "bad")];
  const { key, admitted } = publication;
  if (admitted !== null) return [line(`  was signed by ${admitted}, whom an owner admitted`, "good")];
  return [line(`  was signed by a key that nobody admitted: ${makeVisible(key)}`, "wait")];
}

/** What it asks for, as it says; nothing of that is given. */
export function describeAsks(asks: ExtensionAsks): readonly Line[] {
  const rows = askRows(asks);
  if (rows.length === 0) return [line("Asks for nothing that it says")];
  return [line("Asks for", "strong"), ...rows.map((row) => line(`  ${row}`))];
}

/** What its person gives it in its arguments. */
export function describeSettings({ settings }: Pick<ExtensionManifest, "settings">): readonly Line[] {
  if (settings.length === 0) return [];
  const rows = settings.map(({ name, type, required, sensitive, preset }) => {
    const kind = sensitive ? "a key, which it is not given" : type;
    const otherwise = preset.length === 0 || sensitive ? "" : `, otherwise ${makeVisible(preset.join(" "))}`;
    return line(`  ${makeVisible(name)}: ${kind}${required ? ", needed" : ""}${otherwise}`);
  });
  return [line("Settings (aios ext trust --set)", "strong"), ...rows];
}

/** What speaks against it, the worst first by what we hold of each rule; a rule that we do not know counts most. */
export function describeFound({ findings, more }: Vetted, columns: number): readonly Line[] {
  const sorted = findings.toSorted((one, two) => weigh(one) - weigh(two));
  const shown = sorted.map(({ rule, message, path, line: at }) => ({ rule, message, place: { path, line: at } }));
  if (shown.length === 0) return [line("Found nothing that speaks against it, which does not make it safe")];
  return [
    line("Found", "strong"),
    ...drawFindings(shown, VET_RULES, { columns, all: false, whole: "aios ext vet says all of a folder" }),
    ...(more === 0 ? [] : [line(`  and ${more} more`, "faint")]),
  ];
}

/** What it did when it was run, or that it was not: what nobody looked at is said. */
export function describeDetonation(answer: DetonationAnswer | null, columns: number): readonly Line[] {
  if (answer === null) return [line("Was not run to see what it does (aios ext detonate)", "wait")];
  if (answer.kind === "failed")
    return [line("Could not be run to see what it does", "bad"), line(`  ${makeVisible(answer.message)}`, "bad")];
  const { digest, ran, findings } = answer.report;
  const nothing =
    ran.length === 0
      ? "  nothing: there is nothing in it that runs by itself"
      : "  nothing beyond what it asks for, which does not make it safe";
  return [
    line(`Found when it was run: ${countSteps(answer.report)}`, "strong"),
    line(`  ${digest}`, "faint"),
    ...(findings.length === 0 ? [line(nothing)] : []),
    ...drawFindings(findings, DETONATION_RULES, { columns, all: false, whole: "aios ext detonate --all shows them" }),
  ];
}

export function countSteps({ ran, calls }: Pick<DetonationReport, "ran" | "calls">): string {
  return `${ran.length} ${ran.length === 1 ? "step" : "steps"}, ${calls} ${calls === 1 ? "call" : "calls"} of tools`;
}

/** Whether something of it is grave, and what we do not know is. */
export function isGraveFound({ findings }: Vetted): boolean {
  return findings.some(({ rule }) => !isRule(rule) || isGrave(rule));
}

function weigh({ rule }: { readonly rule: string }): number {
  return isRule(rule) ? SEVERITIES.indexOf(VET_RULES[rule].severity) : 0;
}

function isRule(rule: string): rule is VetRule {
  return Object.hasOwn(VET_RULES, rule);
}

/** Each thing that is asked for in a line of its own, as text that can be shown. */
export function askRows({ files, hosts, secrets, memory, tools }: ExtensionAsks): readonly string[] {
  return [
    ...files.map((path) => `files ${makeVisible(path)}`),
    ...hosts.map(({ host, methods }) => `host ${makeVisible(host)}: ${methods.join(", ")}`),
    ...secrets.map((name) => `secret ${makeVisible(name)}`),
    ...memory.map((plane) => `memory ${plane}`),
    ...tools.map(({ name, risk }) => `tool ${makeVisible(name)}: ${risk}`),
  ];
}
