import { HOME, type Command } from "../command.ts";
import { insist } from "../confirm.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import { plainQuestion } from "../../showing/plain-statement.ts";
import type { MonitorClient } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";

/** `aios thaw`: an owner lets a frozen instance go on, everything, or an agent whose instance became terminal start again. */
export const thaw: Command = {
  path: ["thaw"],
  summary: "let what is frozen go on; you sign for it",
  positionals: [{ name: "INSTANCE", required: false, help: "its id, from aios ps" }],
  rest: null,
  flags: [
    { name: "all", value: null, help: "lift aios freeze --all: what it froze goes on, and agents start again" },
    { name: "agent", value: "NAME", help: "instead: let this agent start again after a terminal instance" },
    HOME,
  ],
  details: [
    "What was frozen for another reason before aios freeze --all stays frozen.",
    "An instance that became terminal never goes on. Its agent starts no new one until an owner has looked at why (aios ps --all, aios log show) and signed with --agent.",
  ],
  examples: ["thaw i-0123456789abcdef", "thaw --all", "thaw --agent claude"],
  async run(powers, args) {
    const instance = args.optional("INSTANCE");
    const agent = args.value("agent");
    const all = args.has("all");
    if ([instance !== null, agent !== null, all].filter(Boolean).length !== 1) {
      throw CliFailure.of(
        "usage",
        "aios thaw takes one of INSTANCE, --all and --agent NAME",
        "aios ps --all lists them",
      );
    }
    return await withMonitor({ powers, args }, async (client, home) => {
      const session = openSigningSession(powers, { home, keep: "once" });
      const parts = { powers, client, session };
      if (all) {
        const frozen = await findFreeze(client);
        await insist(powers, plainQuestion({ purpose: "thaw-all", value: frozen }));
        await prepareAndSign(parts, { purpose: "thaw-all", document: { frozen } });
        writeLines(powers.out, [line("everything goes on, and agents start again")]);
      } else if (agent === null) {
        await insist(powers, plainQuestion({ purpose: "thaw-instance", value: instance ?? "" }));
        await prepareAndSign(parts, { purpose: "thaw-instance", document: { instance } });
        writeLines(powers.out, [line(`${instance ?? ""} goes on`)]);
      } else {
        await insist(powers, plainQuestion({ purpose: "restart-agent", value: agent }));
        await prepareAndSign(parts, { purpose: "restart-agent", document: { agent } });
        writeLines(powers.out, [line(`${agent} may start again`)]);
      }
      return EXIT.ok;
    });
  },
};

/** The record of the freeze of everything that is in force. */
async function findFreeze(client: MonitorClient): Promise<number> {
  const { allFrozen } = await client.request("ps", { all: false });
  if (allFrozen !== null) return allFrozen;
  throw CliFailure.of(
    "not-found",
    "No aios freeze --all is in force: there is nothing to lift",
    "aios ps shows instances that are frozen by themselves; aios thaw INSTANCE lets one go on",
  );
}
