import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { line, writeLines, type Tone } from "../../showing/line.ts";
import { showSpan } from "../../showing/moment.ts";
import { tellLogTrouble } from "../../showing/describe-log.ts";
import { layOutTable } from "../table.ts";
import type { InstanceView } from "../../protocol/requests.ts";

const TONES: { readonly [state in InstanceView["state"]]: Tone } = {
  running: "good",
  frozen: "wait",
  ended: "faint",
  terminal: "bad",
};

/** Why it stands as it does; of one that runs, that an owner has every action of it wait. */
function whyOf({ why, holdAt }: InstanceView): string {
  return why ?? (holdAt.length > 0 ? "every action waits" : "-");
}

/** `aios ps`: the instances. */
export const ps: Command = {
  path: ["ps"],
  summary: "list the instances that run",
  positionals: [],
  rest: null,
  flags: [{ name: "all", value: null, help: "also those that have ended" }, JSON_OUTPUT, HOME],
  details: ["An instance is one run of an agent. HELD counts actions that wait for you: see aios approvals list."],
  examples: ["ps", "ps --all --json"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const { instances, allFrozen, log } = await client.request("ps", { all: args.has("all") });
      if (args.has("json")) {
        writeJson(powers, { instances, allFrozen, log });
        return EXIT.ok;
      }
      if (log !== null) writeLines(powers.out, [line(tellLogTrouble(log), "bad")]);
      if (allFrozen !== null)
        writeLines(powers.out, [
          line(`Everything is frozen (record ${allFrozen}). aios thaw --all lifts that.`, "wait"),
        ]);
      if (instances.length === 0) {
        writeLines(powers.out, [line("No instance runs. aios run -- CMD starts one.")]);
        return EXIT.ok;
      }
      const rows = instances.map((view) => [
        view.instance,
        view.agent,
        [TONES[view.state], view.state] as const,
        showSpan(powers.now() - view.since),
        String(view.done),
        String(view.denied),
        view.held > 0 ? (["wait", String(view.held)] as const) : "0",
        view.labels.join(",") || "-",
        whyOf(view),
      ]);
      const headings = ["INSTANCE", "AGENT", "STATE", "AGE", "DONE", "DENIED", "HELD", "LABELS", "WHY"];
      writeLines(powers.out, layOutTable(headings, rows));
      return EXIT.ok;
    });
  },
};
