import type { JsonObject } from "../../kernel/json.ts";
import { RULES, severityOf, type Severity } from "./finding.ts";
import type { ScanReport } from "./scan.ts";

/** SARIF's three levels, and the number from 0 to 10 that code hosts sort by. */
const LEVELS: { readonly [severity in Severity]: readonly [level: string, number: string] } = {
  critical: ["error", "9.5"],
  high: ["error", "8.0"],
  medium: ["warning", "5.0"],
  low: ["note", "2.0"],
};

/** A report as SARIF 2.1.0 (OASIS): one run, a result for each finding. Places are relative to the person's home. */
export function writeSarif(report: ScanReport, version: string): JsonObject {
  const used = new Set(report.findings.map(({ rule }) => rule));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "aios scan",
            version,
            rules: Object.entries(RULES)
              .filter(([id]) => [...used].some((rule) => rule === id))
              .map(([id, { severity, title }]) => ({
                id,
                shortDescription: { text: title },
                defaultConfiguration: { level: LEVELS[severity][0] },
                properties: { "security-severity": LEVELS[severity][1] },
              })),
          },
        },
        originalUriBaseIds: { HOME: { description: { text: "The home of the person whose agents were looked at." } } },
        results: report.findings.map((finding) => ({
          ruleId: finding.rule,
          level: LEVELS[severityOf(finding)][0],
          message: { text: finding.message },
          locations: finding.place === null ? [] : [location(finding.place)],
        })),
      },
    ],
  };
}

function location({ path, line }: { readonly path: string; readonly line: number }): JsonObject {
  const inHome = path.startsWith("~/");
  const uri = (inHome ? path.slice(2) : path).split("/").map(encodeURIComponent).join("/");
  return {
    physicalLocation: {
      artifactLocation: inHome ? { uri, uriBaseId: "HOME" } : { uri: `file://${uri}` },
      region: { startLine: line },
    },
  };
}
