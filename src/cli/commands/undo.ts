import type { CliRequests } from "../../protocol/requests.ts";
import { tellBrought } from "../brought.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { line, writeLines, type Line } from "../../showing/line.ts";
import { makeVisible } from "../../showing/visible.ts";

/** `aios undo`: takes back what an instance did to the files of its workspace. */
export const undo: Command = {
  path: ["undo"],
  summary: "take back what an agent did to its workspace",
  positionals: [{ name: "INSTANCE", required: true, help: "its id, from aios run or aios ps --all" }],
  rest: null,
  flags: [{ name: "dry-run", value: null, help: "only say what would be put back" }, JSON_OUTPUT, HOME],
  details: [
    "Files that it changed or removed come back with their content, mode and time, what it made goes, what it moved moves back. A file that somebody changed since is left and named, and then the exit code is 1; when it is moved or removed, or what else stood in the way is mended, the same command goes on with what was left. Owners and extended attributes are not put back. What was kept of the last 32 instances can be undone.",
  ],
  examples: ["undo i-0123456789abcdef --dry-run", "undo i-0123456789abcdef"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const how = args.has("dry-run") ? "dry" : "do";
      const report = await client.request("undo", { instance: args.required("INSTANCE"), how });
      if (args.has("json")) writeJson(powers, { ...report });
      else {
        writeLines(powers.out, showReport(report, how));
        writeLines(
          powers.out,
          tellBrought(report.brought, args.required("INSTANCE")).map((told) => line(told, "wait")),
        );
      }
      return report.leftCount === 0 ? EXIT.ok : EXIT.no;
    });
  },
};

type Report = CliRequests["undo"]["ok"];

const WORDS = {
  removed: "remove    ",
  restored: "restore   ",
  "moved-back": "move back ",
  mode: "mode of   ",
} as const;

function showReport(report: Report, how: "dry" | "do"): readonly Line[] {
  const more = report.changed - report.changes.length;
  const moreLeft = report.leftCount - report.left.length;
  return [
    ...report.changes.map(({ what, path }) => line(`${WORDS[what]} ${makeVisible(path)}`)),
    ...(more > 0 ? [line(`and ${more} more`, "faint")] : []),
    ...report.left.map(({ path, why }) => line(`left       ${makeVisible(path)}: ${makeVisible(why)}`, "wait")),
    ...(moreLeft > 0 ? [line(`and ${moreLeft} more that are left`, "wait")] : []),
    ...(report.noted
      ? []
      : [line("the end of the run was not noted: what was changed after its last note is left", "wait")]),
    line(summarise(report, how), report.leftCount === 0 ? "good" : "wait"),
    ...(report.leftCount === 0
      ? []
      : [line("move away or mend what stands in the way, and the same command goes on with what is left", "faint")]),
  ];
}

function summarise({ changed, leftCount }: Report, how: "dry" | "do"): string {
  if (changed + leftCount === 0) return "nothing to undo";
  const done = how === "dry" ? `${changed} would be put back` : `${changed} put back`;
  return leftCount === 0 ? done : `${done}, ${leftCount} left as they are`;
}
