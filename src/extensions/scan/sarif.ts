import type { JsonObject } from "../../kernel/json.ts";
import { RULES, type Place, type Severity } from "./finding.ts";
import type { ScanReport } from "./scan.ts";

/** SARIF's three levels, and the number from 0 to 10 that code hosts sort by. */
const LEVELS: { readonly [severity in Severity]: readonly [level: string, number: string] } = {
  critical: ["error", "9.5"],
  high: ["error", "8.0"],
  medium: ["warning", "5.0"],
  low: ["note", "2.0"],
};

/** A result as SARIF takes it, of a scan or of a vetting. */
export interface SarifFinding {
  readonly rule: string;
  readonly message: string;
  readonly place: Place | null;
  /** What a person types about it. */
  readonly command?: string | null;
}

export interface SarifSource {
  /** The command that found it. */
  readonly tool: string;
  readonly version: string;
  readonly rules: { readonly [rule: string]: { readonly severity: Severity; readonly title: string } };
  /** What paths are relative to: a name, what it is, and how a path is written below it; null for an absolute path. */
  readonly base: { readonly id: string; readonly what: string; below(path: string): string | null };
  readonly findings: readonly SarifFinding[];
  /** What is there and was not looked at, in sentences; a run without any is whole. */
  readonly notRead?: readonly { readonly message: string; readonly place: Place }[];
}

/** Findings as SARIF 2.1.0 (OASIS): one run, a result for each finding. */
export function sarifLog({ tool, version, rules, base, findings, notRead = [] }: SarifSource): JsonObject {
  const used = new Set(findings.map(({ rule }) => rule));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: tool,
            version,
            rules: Object.entries(rules)
              .filter(([id]) => used.has(id))
              .map(([id, { severity, title }]) => ({
                id,
                shortDescription: { text: title },
                defaultConfiguration: { level: LEVELS[severity][0] },
                properties: { "security-severity": LEVELS[severity][1] },
              })),
          },
        },
        ...(notRead.length === 0 ? {} : { invocations: [invocation(notRead, base)] }),
        originalUriBaseIds: { [base.id]: { description: { text: base.what } } },
        results: findings.map(({ rule, message, place, command = null }) => ({
          ruleId: rule,
          level: LEVELS[rules[rule]?.severity ?? "critical"][0],
          message: { text: message },
          locations: place === null ? [] : [location(place, base)],
          ...(command === null ? {} : { properties: { command } }),
        })),
      },
    ],
  };
}

/** A report of a scan as SARIF. Places are relative to the person's home. */
export function writeSarif(report: ScanReport, version: string): JsonObject {
  const what = "The home of the person whose agents were looked at.";
  const { findings, unread } = report;
  const base = { id: "HOME", what, below: belowHome };
  const notRead = unread.map(({ path, why }) => ({
    message: `${path} was not read, since ${why}`,
    place: { path, line: 1 },
  }));
  return sarifLog({ tool: "aios scan", version, rules: RULES, base, findings, notRead });
}

/** The run succeeded, and says of what it cannot speak. */
function invocation(notRead: NonNullable<SarifSource["notRead"]>, base: SarifSource["base"]): JsonObject {
  return {
    executionSuccessful: true,
    toolExecutionNotifications: notRead.map(({ message, place }) => ({
      level: "warning",
      message: { text: message },
      locations: [location(place, base)],
    })),
  };
}

function belowHome(path: string): string | null {
  return path.startsWith("~/") ? path.slice(2) : null;
}

function location({ path, line }: Place, base: SarifSource["base"]): JsonObject {
  const relative = base.below(path);
  const uri = (relative ?? path).split("/").map(encodeURIComponent).join("/");
  return {
    physicalLocation: {
      artifactLocation: relative === null ? { uri: `file://${uri}` } : { uri, uriBaseId: base.id },
      region: { startLine: line },
    },
  };
}
