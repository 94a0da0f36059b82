import type { StopReport } from "../../protocol/stop-report.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, JSON_OUTPUT, type Command, type Positional } from "../command.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import type { CliPowers } from "../powers.ts";
import { describeStopped, refuseUnconfirmed } from "../stopped.ts";

const INSTANCES: Positional = {
  name: "INSTANCE…",
  required: false,
  repeats: true,
  help: "ids, from aios ps",
};

/** `aios freeze`: stops instances or everything where they stand. Needs no signature: stopping never adds authority. */
export const freeze: Command = {
  path: ["freeze"],
  summary: "stop instances where they stand, and see that they do",
  positionals: [INSTANCES],
  rest: null,
  flags: [
    { name: "all", value: null, help: "every instance, and whatever would start until aios thaw --all" },
    JSON_OUTPUT,
    HOME,
  ],
  details: [
    "In one step none of its actions is admitted any more, its connections are cut and every process of it stands still: agent, servers, network, storage, published ports. What was seen to be so, and after how many milliseconds, is said for each; when anything was not, this ends with exit code 1.",
    "Freezing needs no passphrase. aios thaw lets it go on, and that an owner signs. Neither a crash nor a restart lifts it.",
  ],
  examples: ["freeze i-0123456789abcdef", "freeze --all"],
  run: (powers, args) => stop({ powers, args, name: "freeze" }),
};

/** `aios kill`: ends instances and every process of them. */
export const kill: Command = {
  path: ["kill"],
  summary: "end instances and every process of them",
  positionals: [INSTANCES],
  rest: null,
  flags: [{ name: "all", value: null, help: "every instance that runs" }, JSON_OUTPUT, HOME],
  details: [
    "All its processes are held still and then ended, with their sandboxes. What it held for approval is withdrawn. What was seen to act no more, and to be gone, is said; when anything was not, this ends with exit code 1. Needs no passphrase.",
    "What somebody starts afterwards runs: aios freeze --all keeps everything from starting.",
  ],
  examples: ["kill i-0123456789abcdef", "kill --all"],
  run: (powers, args) => stop({ powers, args, name: "kill" }),
};

async function stop(call: {
  readonly powers: CliPowers;
  readonly args: Arguments;
  readonly name: "freeze" | "kill";
}): Promise<ExitCode> {
  const { powers, args, name } = call;
  const named = args.list(INSTANCES.name);
  const all = args.has("all");
  if ((named.length === 0) !== all)
    throw CliFailure.of("usage", `aios ${name} takes either instances or --all`, "aios ps lists the instances");
  return await withMonitor(call, async (client) => {
    const asked = all ? [null] : named;
    // All at once: none waits for another to be confirmed.
    const answers = await Promise.allSettled(asked.map((instance) => client.request(name, { instance })));
    const reports = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    const report: StopReport = {
      instances: reports.flatMap(({ instances }) => instances),
      all: reports.at(-1)?.all ?? null,
    };
    if (args.has("json")) writeJson(powers, report);
    else {
      writeLines(powers.out, describeStopped(name === "freeze" ? "frozen" : "ended", report.instances));
      if (all && report.instances.length === 0) writeLines(powers.out, [line("nothing was running")]);
      if (all && name === "freeze" && report.all !== null)
        writeLines(powers.out, [line(`nothing starts until aios thaw --all (record ${report.all})`, "wait")]);
    }
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    refuseUnconfirmed(report, all && name === "freeze");
    return EXIT.ok;
  });
}
