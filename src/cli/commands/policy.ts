import type { Label } from "../../kernel/grant.ts";
import { LABELS } from "../../kernel/grant.ts";
import type { PolicyProblem } from "../../protocol/requests.ts";
import { HOME, JSON_OUTPUT, type Command, type Positional } from "../command.ts";
import { insistBelow } from "../insist-below.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { readInteger } from "../integer.ts";
import { join, line, writeLines, type Line, type Tone } from "../../showing/line.ts";
import type { CliPowers } from "../powers.ts";
import { readProposal } from "../read-proposal.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { layOutTable } from "../table.ts";
import { makeVisible } from "../../showing/visible.ts";
import { describeCondition } from "../../showing/describe-grant.ts";

const MAXIMUM_POLICY_BYTES = 4 * 1024 * 1024;
const FILE: Positional = { name: "FILE", required: true, help: "Cedar rules; they can only narrow what grants give" };

/** `aios policy check`: whether rules type-check. */
export const policyCheck: Command = {
  path: ["policy", "check"],
  summary: "check a file of policy rules without using it",
  positionals: [FILE],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["Exit code 1 when the rules have problems."],
  examples: ["policy check rules.cedar"],
  async run(powers, args) {
    const text = await powers.files.read(args.required("FILE"), MAXIMUM_POLICY_BYTES);
    return await withMonitor({ powers, args }, async (client) => {
      const answer = await client.request("policy-check", { text });
      if (args.has("json")) writeJson(powers, answer);
      else if (answer.problems.length > 0) writeLines(powers.out, showProblems(answer.problems));
      else writeLines(powers.out, [join(["good", "no problems"], `  version ${answer.version}`)]);
      return answer.problems.length > 0 ? EXIT.no : EXIT.ok;
    });
  },
};

/** `aios policy set`: puts rules in force; an owner signs them. */
export const policySet: Command = {
  path: ["policy", "set"],
  summary: "put a file of policy rules in force; you sign it",
  positionals: [FILE],
  rest: null,
  flags: [HOME],
  details: ["The whole set is replaced. Rules that do not type-check are refused and the old set stays in force."],
  examples: ["policy set rules.cedar"],
  async run(powers, args) {
    const text = await powers.files.read(args.required("FILE"), MAXIMUM_POLICY_BYTES);
    return await withMonitor({ powers, args }, async (client, home) => {
      const { problems } = await client.request("policy-check", { text });
      if (problems.length > 0) {
        writeLines(powers.out, showProblems(problems));
        return EXIT.no;
      }
      const rows = text.replace(/\n$/u, "").split("\n");
      const lines = rows.map((row) => join(["faint", "  │ "], makeVisible(row)));
      const session = await insistBelow(
        { powers, session: openSigningSession(powers, { home, keep: "once" }) },
        { lines: () => lines, question: "Put exactly these rules in force?", screen: powers.out },
      );
      const seq = await prepareAndSign({ powers, client, session }, { purpose: "set-policy", document: { text } });
      writeLines(powers.out, [line(`in force (record ${seq})`, "good")]);
      return EXIT.ok;
    });
  },
};

/** `aios policy effective`: the rules in force. */
export const policyEffective: Command = {
  path: ["policy", "effective"],
  summary: "show the policy rules in force",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: ["The constitution is compiled in and stands above these rules; it is shown with them."],
  examples: ["policy effective"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const answer = await client.request("policy-show", {});
      if (args.has("json")) writeJson(powers, answer);
      else {
        const none = "(no rules of the owner: grants and the constitution decide)";
        writeLines(powers.out, [
          join(["strong", "Rules of the owner"], `  version ${answer.version}`),
          ...indentText(answer.text.trim() === "" ? none : answer.text),
          line(""),
          line("Constitution, which nothing lifts", "strong"),
          ...indentText(answer.constitution),
        ]);
      }
      return EXIT.ok;
    });
  },
};

/** `aios policy explain`: what would happen to an action, by the evaluator that really decides. */
export const policyExplain: Command = {
  path: ["policy", "explain"],
  summary: "say what would happen to an action, and why",
  positionals: [
    { name: "WHAT", required: true, help: "driver/tool, driver#resource-uri or driver@prompt" },
    { name: "ARGUMENTS", required: false, help: "its arguments as a JSON object (default: {})" },
  ],
  rest: null,
  flags: [
    { name: "agent", value: "NAME", help: "the agent that would ask (required)" },
    { name: "label", value: "LABEL", help: `a label it has collected: ${LABELS.join(", ")}`, repeats: true },
    { name: "task", value: "TEXT", help: "words of the human that may endorse a recipient" },
    JSON_OUTPUT,
    HOME,
  ],
  details: [
    "Nothing is run. The answer comes from the same evaluator as the real decision. Exit code 1 when it would be denied.",
  ],
  examples: [`policy explain --agent claude files/read_text_file '{"path":"/workspace/notes.txt"}'`],
  async run(powers, args) {
    const agent = args.value("agent");
    if (agent === null) throw CliFailure.of("usage", "aios policy explain needs --agent NAME");
    const labels = args.values("label").map(readLabel);
    const proposal = readProposal(args.required("WHAT"), args.optional("ARGUMENTS"));
    return await withMonitor({ powers, args }, async (client) => {
      const answer = await client.request("policy-explain", { agent, labels, task: args.value("task"), proposal });
      const denied = answer.code !== null;
      if (args.has("json")) writeJson(powers, answer);
      else {
        const rows = answer.stages.map((stage) => [
          stage.stage,
          stage.verdict,
          stage.because === "" ? "-" : stage.because,
        ]);
        const lines: Line[] = [...layOutTable(["STAGE", "VERDICT", "BECAUSE"], rows), line("")];
        lines.push(
          join(
            [toneOf(answer.decision), makeVisible(answer.decision)],
            answer.code === null ? "" : `  (${answer.code})`,
          ),
        );
        if (answer.proposal !== null) {
          lines.push(line("the smallest grant that would allow it, for a human to sign:", "faint"));
          for (const allow of answer.proposal.allow) {
            const where = Object.entries(allow.where).map(
              ([field, condition]) => `${makeVisible(field)} ${describeCondition(condition)}`,
            );
            lines.push(
              line(`  ${makeVisible(allow.what)}${where.length === 0 ? "" : ` where ${where.join(" and ")}`}`),
            );
          }
        }
        writeLines(powers.out, lines);
      }
      return denied ? EXIT.no : EXIT.ok;
    });
  },
};

/** `aios policy simulate`: replays recorded actions against a draft. */
export const policySimulate: Command = {
  path: ["policy", "simulate"],
  summary: "replay recorded actions against draft rules",
  positionals: [FILE],
  rest: null,
  flags: [{ name: "from", value: "N", help: "begin at this record of the log (default: 0)" }, JSON_OUTPUT, HOME],
  details: ["Shows which recorded decisions would have come out differently. Nothing is run and nothing changes."],
  examples: ["policy simulate draft.cedar", "policy simulate draft.cedar --from 1200 --json"],
  async run(powers, args) {
    const text = await powers.files.read(args.required("FILE"), MAXIMUM_POLICY_BYTES);
    const from = readInteger(args.value("from") ?? "0", { name: "--from", min: 0, max: Number.MAX_SAFE_INTEGER });
    return await withMonitor({ powers, args }, async (client) => {
      const { problems } = await client.request("policy-check", { text });
      if (problems.length > 0) {
        if (args.has("json")) writeJson(powers, { problems });
        else writeLines(powers.out, showProblems(problems));
        return EXIT.no;
      }
      const answer = await client.request("policy-simulate", { text, from });
      if (args.has("json")) writeJson(powers, answer);
      else showChanges(powers, answer);
      return EXIT.ok;
    });
  },
};

function showChanges(
  powers: CliPowers,
  answer: {
    readonly replayed: number;
    readonly changed: readonly { seq: number; what: string; was: string; now: string; because: string }[];
  },
): void {
  const rows = answer.changed.map((change) => [
    String(change.seq),
    change.what,
    [toneOf(change.was), change.was] as const,
    [toneOf(change.now), change.now] as const,
    change.because,
  ]);
  const summary = line(`${answer.replayed} actions replayed, ${answer.changed.length} would come out differently`);
  writeLines(
    powers.out,
    rows.length === 0
      ? [summary]
      : [...layOutTable(["RECORD", "WHAT", "WAS", "NOW", "BECAUSE"], rows), line(""), summary],
  );
}

function showProblems(problems: readonly PolicyProblem[]): readonly Line[] {
  return problems.map((problem) =>
    join(
      ["bad", "problem "],
      `${problem.line === null ? "" : `line ${problem.line}, `}rule ${makeVisible(problem.rule)}: ${makeVisible(problem.message)}`,
    ),
  );
}

function indentText(text: string): readonly Line[] {
  const rows = text.trimEnd().split("\n");
  return rows.map((row) => line(`  ${makeVisible(row)}`));
}

function toneOf(decision: string): Tone {
  if (decision === "granted") return "good";
  return decision === "held" ? "wait" : "bad";
}

function readLabel(text: string): Label {
  const label = LABELS.find((known) => known === text);
  if (label === undefined) throw CliFailure.of("usage", `there is no label "${text}"`, `one of: ${LABELS.join(", ")}`);
  return label;
}
